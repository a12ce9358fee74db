# SPDX-License-Identifier: GPL-2.0-only
"""Tests of tests/net, with client and server inside a guest.

Theory of operation: tests/run itself runs there, with slack for emulation, and
its results are passed on: a failed test is named, with its output. Linux 6.1
serves with kernel cookies: tests/lib/backend.py says what that changes, and
skips what is not possible, with a message; test_kernel_cookies.py covers the
options. Each test takes 10 to 20 seconds here, mostly in the verifier, so each
subject contributes some of its tests. Left out are loads (flood, many,
table_full, wrk, transfer), what concerns only the command and the daemon
(command, control, check, top, capture, metrics, manuals: no kernel matters to
them) and devices, half of which cloud kernels lack. VLAN devices they have,
which a test machine may not.
"""
from vmenv import vm_test


def of(subject, *names):
    """net/SUBJECT/NAME; a subject alone means all of it."""
    return [f"net/{subject}/{name}" for name in names or ("",)]


HANDSHAKES = (
    *of("handshake"), *of("invalid_ack"),
    *of("options", "all", "ecn", "client_without_timestamps",
        "client_without_all", "no_options_ipv4", "small_mss_ipv4",
        "accurate_ecn_falls_back"),
    *of("odd_packets", "ipv4_options_of_a_linux_client",
        "ipv6_extension_headers_of_a_linux_client", "padded_frames",
        "fragmented_syn_is_dropped", "simultaneous_open"),
    *of("next_hop", "gateway_in_a_vlan"),
    *of("splice_paths", "router", "local"), *of("splice_ends", "refused"))
ENDS = (
    *of("half_close", "by_client", "by_server", "data_and_acks_by_hand"),
    *of("close", "client_first", "server_first", "both_at_once"),
    *of("close_by_hand", "server_fin_sent_again", "fins_cross",
        "fin_with_the_ack_of_the_fin", "fin_to_time_wait",
        "fin_on_the_admitted_ack"),
    *of("forged", "forged_rst", "forged_fin"),
    *of("session_reset", "client_starts_anew"),
    *of("time_wait", "reopened_by_the_server", "reopened_by_the_client"),
    *of("reuse", "server_in_time_wait_before_the_start",
        "client_in_time_wait"))
LIFE = (
    *of("lifecycle", "sigterm_keep", "sigterm_detach", "sigkill_takeover",
        "down_without_daemon", "two_interfaces", "privileges"),
    *of("by_hand", "ip_pinned", "down_without_daemon", "maps_by_name",
        "programs_by_name"),
    *of("adoption", "idle_connections_before_the_start",
        "half_open_at_the_start_syn_again", "kernel_cookies_at_the_start",
        "cookie_in_flight_at_policy_off", "nothing_of_the_host_is_changed"),
    *of("accept_queue", "slow_application_client_speaks_first",
        "slow_application_server_speaks_first"),
    *of("listeners", "listener_goes_and_comes"), *of("modes", "native", "skb"),
    *of("listener_settings", "listener_was_told_and_told_again",
        "accept_before_data"),
    *of("policy", "auto_arms_in_a_flood_and_disarms_after",
        "monitor_counts_and_touches_nothing"),
    *of("reload", "services", "interfaces"), *of("services", "add_and_del"),
    *of("session_verbs", "kill"),
    *of("kernel_cookies", "mptcp_listener", "syncookies_is_put_back",
        "syncookies_cannot_be_set", "all_options_with_timestamps_2",
        "listener_with_a_buffer_of_its_own"))
RUN_S = 1740


def run_net(env, names):
    texts = []
    try:
        code = env.guest.stream(["tests/run", *names], texts.append, RUN_S)
    finally:  # also on a time-out
        lines = "".join(texts).splitlines()
        for line in lines:
            if line.startswith(("skip", "ok")):
                print(line)
    if "failed:" in lines:  # the summary repeats everything
        del lines[lines.index("failed:"):-1]
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    told = "\n".join(line for line in lines if not line.startswith("ok"))
    assert not failed, f"Linux {env.guest.release}: {len(failed)} failed: " \
        f"{', '.join(failed)}\n{told}"
    assert code == 0, f"tests/run: exit code {code}\n{told}"
    print(f"Linux {env.guest.release}: {lines[-1]}")


@vm_test("6.1", timeout=1800, only_by="make vmcheck")
def test_handshakes_6_1(env):
    run_net(env, HANDSHAKES)


@vm_test("6.1", timeout=1800, only_by="make vmcheck")
def test_ends_6_1(env):
    run_net(env, ENDS)


@vm_test("6.1", timeout=1800, only_by="make vmcheck")
def test_life_6_1(env):
    run_net(env, LIFE)


@vm_test("6.12", timeout=1800, only_by="make vmcheck")
def test_handshakes_6_12(env):
    run_net(env, HANDSHAKES)


@vm_test("6.12", timeout=1800, only_by="make vmcheck")
def test_ends_6_12(env):
    run_net(env, ENDS)


@vm_test("6.12", timeout=1800, only_by="make vmcheck")
def test_life_6_12(env):
    run_net(env, LIFE)
