# SPDX-License-Identifier: GPL-2.0-only
"""SYNs as many systems send them, and as nobody should.

Theory of operation: a row is a name, who sends it, its options in a small
language, and what else is unusual. The rows follow the manner of the public
fingerprint bases: sizes, order and quirks. The words of the language:

	mss mss:N	without a number the link's: 1460, IPv6 1440
	ws:N sack nop eol	eol:N is followed by N more zeros
	ts ts:N ts:N:ECHO	1000 by default
	KIND=HEX	any other option, with its right length
	raw=HEX		bytes as they are
"""
from dataclasses import dataclass, field

import wire

TS = 1000


@dataclass
class Layout:
    name: str
    who: str
    text: str
    window: int = 64240
    flags: str = "S"
    tcp: dict = field(default_factory=dict)  # seq, ack, data, urgent, sport
    ip: dict = field(default_factory=dict)  # ttl, tos, df, ident, label

    def options(self, v6):
        return b"".join(_word(w, v6) for w in self.text.split())

    def described(self):
        """The whole SYN, in a line."""
        words = [self.text or "no options", f"window {self.window}"]
        if len(self.text) > 80:
            words[0] = f"{len(self.options(False))} bytes of options"
        if self.flags != "S":
            words.append(f"flags {self.flags}")
        for name, value in {**self.tcp, **self.ip}.items():
            words.append(f"{name} {value:#x}" if name == "seq" else
                         f"{len(value)} bytes of data" if name == "data" else
                         f"{name} {value}")
        return ", ".join(words).replace("df False", "no DF")

    def tsval(self):
        """The first timestamp's value."""
        words = [w.split(":") for w in self.text.split()
                 if w.split(":")[0] == "ts"]
        return int(words[0][1]) if words and len(words[0]) > 1 else TS


def _word(word, v6):
    if "=" in word:
        kind, _, text = word.partition("=")
        body = bytes.fromhex(text)
        return body if kind == "raw" else wire.option(int(kind), body)
    name, *numbers = word.split(":")
    n = [int(x) for x in numbers]
    match name:
        case "mss":
            return wire.mss(n[0] if n else 1440 if v6 else 1460)
        case "ws":
            return wire.wscale(n[0])
        case "sack":
            return wire.SACK_OK
        case "ts":
            return wire.stamps(*(n or [TS]))
        case "nop":
            return wire.NOPS
        case "eol":
            return b"\0" * (1 + sum(n))
    raise ValueError(word)


def L(name, who, text, window=64240, flags="S", ip=None, **tcp):
    return Layout(name, who, text, window, flags, tcp, ip or {})


SYSTEMS = (
    L("linux_2_4", "Linux 2.4, many appliances", "mss sack ts nop ws:0", 5840),
    L("linux_2_6", "Linux 2.6", "mss sack ts nop ws:5", 5840),
    L("linux_2_6_late", "Linux 2.6.18 and later", "mss sack ts nop ws:7", 5840),
    L("linux_3", "Linux 3.x", "mss sack ts nop ws:7", 14600),
    L("linux_4", "Linux 4.x", "mss sack ts nop ws:7", 29200),
    L("linux_5", "Linux 5.x and 6.x", "mss sack ts nop ws:7"),
    L("linux_big_buffers", "Linux with tcp_rmem raised",
      "mss sack ts nop ws:10"),
    L("linux_no_timestamps", "Linux, tcp_timestamps = 0",
      "mss nop nop sack nop ws:7"),
    L("linux_no_sack", "Linux, tcp_sack = 0", "mss nop nop ts nop ws:7"),
    L("linux_no_scaling", "Linux, tcp_window_scaling = 0", "mss sack ts"),
    L("linux_bare", "Linux, all three off", "mss"),
    L("linux_ecn", "Linux, tcp_ecn = 1", "mss sack ts nop ws:7", flags="SEC"),
    L("linux_accecn", "Linux 7, tcp_ecn = 3", "mss sack ts nop ws:7",
      flags="SECN"),
    L("linux_fast_open", "Linux, TCP_FASTOPEN_CONNECT",
      "mss sack ts nop ws:7 34= nop nop"),
    L("linux_mptcp", "Linux, IPPROTO_MPTCP (version 1)",
      "mss sack ts nop ws:7 30=0101"),
    L("mptcp_0", "multipath-tcp.org's Linux",
      "mss sack ts nop ws:7 30=00810102030405060708"),
    L("linux_md5", "a BGP speaker with a password",
      "nop nop 19=000102030405060708090a0b0c0d0e0f mss nop nop sack"),
    L("linux_vpn", "Linux behind WireGuard", "mss:1380 sack ts nop ws:7"),
    L("linux_pppoe", "Linux behind PPPoE", "mss:1452 sack ts nop ws:7"),
    L("linux_6to4", "Linux behind a 6in4 tunnel", "mss:1220 sack ts nop ws:7"),
    L("android_4", "Android 4", "mss sack ts nop ws:6", 14600),
    L("android_10", "Android 10 and later", "mss sack ts nop ws:8", 65535),
    L("android_mobile", "Android over LTE", "mss:1370 sack ts nop ws:9", 65535),
    L("chrome_os", "ChromeOS", "mss sack ts nop ws:7", 29200),
    L("windows_xp", "Windows XP", "mss nop nop sack", 65535),
    L("windows_xp_tuned", "Windows XP with RFC 1323 on",
      "mss nop ws:3 nop nop ts:0 nop nop sack", 65535),
    L("windows_7", "Windows 7 and 8", "mss nop ws:8 nop nop sack", 8192),
    L("windows_7_scale_2", "Windows 7, autotuning restricted",
      "mss nop ws:2 nop nop sack", 8192),
    L("windows_10", "Windows 10", "mss nop ws:8 nop nop sack"),
    L("windows_11", "Windows 11", "mss nop ws:8 nop nop sack", 65535),
    L("windows_11_ecn", "Windows 11 and Server 2022 with ECN",
      "mss nop ws:8 nop nop sack", 65535, "SEC"),
    L("windows_vpn", "Windows behind a VPN", "mss:1360 nop ws:8 nop nop sack"),
    L("windows_timestamps", "Windows Server with timestamps",
      "mss nop ws:8 sack ts", 65535),
    L("windows_fast_open", "Edge with Fast Open",
      "mss nop ws:8 nop nop sack 34= nop nop"),
    L("macos", "macOS 10.9 and later",
      "mss nop ws:6 nop nop ts sack eol:1", 65535),
    L("macos_ecn", "macOS with ECN", "mss nop ws:6 nop nop ts sack eol:1",
      65535, "SEC"),
    L("macos_old", "Mac OS X 10.6", "mss nop ws:3 nop nop ts sack eol:1",
      65535),
    L("ios", "iOS", "mss nop ws:5 nop nop ts sack eol:1", 65535),
    L("ios_mobile", "iOS over LTE", "mss:1358 nop ws:8 nop nop ts sack eol:1",
      65535),
    L("freebsd", "FreeBSD 9 and later", "mss nop ws:6 sack ts", 65535),
    L("freebsd_old", "FreeBSD 4", "mss nop ws:0 nop nop ts", 57344),
    L("openbsd", "OpenBSD", "mss nop nop sack nop ws:6 nop nop ts", 16384),
    L("openbsd_old", "OpenBSD 3", "mss nop nop sack nop ws:0 nop nop ts",
      16384),
    L("netbsd", "NetBSD", "mss nop ws:3 sack nop nop ts", 32768),
    L("dragonfly", "DragonFly BSD", "mss nop ws:5 sack nop nop ts", 57344),
    L("solaris_8", "Solaris 8", "nop nop ts nop ws:0 nop nop sack mss", 24820),
    L("solaris_10", "Solaris 10, illumos",
      "sack ts mss nop ws:5", 64240),
    L("aix", "AIX", "mss nop ws:1 nop nop ts", 65535),
    L("hp_ux", "HP-UX 11", "mss ws:0 nop", 32768),
    L("tru64", "Tru64", "mss nop ws:0", 32768),
    L("cisco_ios", "Cisco IOS", "mss", 4128),
    L("junos", "Junos", "mss nop ws:1 nop nop ts sack eol:1", 16384),
    L("mikrotik", "RouterOS", "mss sack ts nop ws:4", 14600),
    L("vxworks", "VxWorks", "mss nop ws:0 nop nop ts", 8192),
    L("qnx", "QNX", "mss:1460 nop ws:3 nop nop ts", 16384),
    L("lwip", "lwIP: printers, cameras, ESP32", "mss:1460", 5840),
    L("lwip_small", "lwIP with its defaults", "mss:536", 2144),
    L("lwip_scaled", "lwIP with LWIP_WND_SCALE", "mss:1460 ws:2 nop", 65535),
    L("uip", "uIP and Contiki", "mss:240", 240),
    L("uip_large", "uIP with Ethernet buffers", "mss:1446", 1446),
    L("zephyr", "Zephyr", "mss:1220", 1280),
    L("freertos", "FreeRTOS+TCP", "mss:1400 nop ws:0 nop nop sack", 5600),
    L("smoltcp", "smoltcp", "mss ws:0 sack eol", 65535),
    L("printer", "network printers", "mss:1460 nop nop sack", 11680),
    L("playstation", "PlayStation", "mss nop ws:6 nop nop ts sack eol:1",
      65535),
    L("nintendo", "Nintendo Switch", "mss nop ws:5 sack ts", 65535),
    L("gvisor", "gVisor", "mss:1460 ts nop ws:7 sack eol:1", 65535),
    L("slirp", "QEMU's user network", "mss:1460", 65535),
    L("haproxy_check", "a load balancer's check", "mss nop nop sack"),
    L("jumbo", "a host with an MTU of 9000", "mss:8960 sack ts nop ws:7",
      62640),
    L("satellite", "an accelerator's proxy", "mss:1460 ws:9 sack nop nop ts",
      65535),
)

SCANNERS = (
    L("masscan", "masscan", "mss:1460", 1024, ip={"df": False, "ttl": 250}),
    L("masscan_bare", "masscan of old", "", 1024, ip={"df": False}),
    L("zmap", "ZMap", "", 65535, ip={"df": False, "ident": 54321, "ttl": 250}),
    L("zmap_mss", "ZMap 4", "mss:1460", 65535, ip={"df": False}),
    L("nmap", "nmap -sS", "mss:1460", 1024, ip={"df": False, "ttl": 50}),
    L("nmap_1", "nmap -O", "ws:10 nop mss:1460 ts:4294967295 sack", 1),
    L("nmap_2", "nmap -O", "mss:1400 ws:0 sack ts:4294967295 eol", 63),
    L("nmap_3", "nmap -O", "ts:4294967295 nop nop ws:5 nop mss:640", 4),
    L("nmap_4", "nmap -O", "sack ts:4294967295 ws:10 eol", 4),
    L("nmap_5", "nmap -O", "mss:536 sack ts:4294967295 ws:10 eol", 16),
    L("nmap_6", "nmap -O", "mss:265 sack ts:4294967295", 512),
    L("nmap_ecn", "nmap -O", "ws:10 nop mss:1460 sack nop nop", 3, "SEC",
      urgent=0xf7f5),
    L("hping", "hping3 -S", "", 512, ip={"df": False}),
    L("scapy", "scapy's default", "", 8192, ip={"df": False}),
    L("mirai", "Mirai and its kin", "", 14600, ip={"df": False},
      seq=0xc0000202),
    L("p0f_sendsyn", "p0f-sendsyn", "mss:1 ws:1 sack ts eol", 1),
    L("t_tcp", "T/TCP (RFC 1644)", "mss nop ws:0 nop nop ts nop nop "
      "11=00000001", 16384),
)

QUIRKS = (
    L("window_0", "a client that cannot receive yet", "mss sack ts nop ws:7",
      0),
    L("window_1", "a client with little memory", "mss sack ts nop ws:7", 1),
    L("no_options", "old stacks", ""),
    L("no_mss", "middleboxes that strip it", "sack ts nop ws:7"),
    L("mss_0", "broken middleboxes", "mss:0 sack ts nop ws:7"),
    L("mss_1", "attackers (CVE-2019-11479)", "mss:1 sack ts nop ws:7"),
    L("mss_48", "the kernel's least", "mss:48 sack ts nop ws:7"),
    L("mss_88", "attackers (CVE-2019-11479)", "mss:88 sack ts nop ws:7"),
    L("mss_535", "one below the default", "mss:535 sack ts nop ws:7"),
    L("mss_65535", "hosts with large offloads", "mss:65535 sack ts nop ws:7"),
    L("mss_short", "a length that is wrong", "raw=0203b401"),
    L("mss_long", "a length that is wrong", "raw=020605b40000"),
    L("mss_twice", "middleboxes that add one", "mss mss:1200"),
    L("scale_0", "hosts with small buffers", "mss sack ts nop ws:0"),
    L("scale_14", "the largest of RFC 7323", "mss sack ts nop ws:14"),
    L("scale_15", "more than RFC 7323 allows", "mss sack ts nop ws:15"),
    L("scale_255", "more than RFC 7323 allows", "mss sack ts nop ws:255"),
    L("scale_twice", "middleboxes", "mss sack ts ws:7 ws:2"),
    L("scale_long", "a length that is wrong", "mss raw=03040701"),
    L("sack_twice", "middleboxes", "mss sack sack ts nop ws:7"),
    L("sack_long", "a length that is wrong", "mss raw=0403ff01"),
    L("sack_blocks", "a SACK in a SYN", "mss 5=0000000100000002"),
    L("ts_0", "a clock that has just started", "mss sack ts:0 nop ws:7"),
    L("ts_echo", "an echo in a SYN", "mss sack ts:1000:77 nop ws:7"),
    L("ts_twice", "middleboxes", "mss ts:1000 ts:2000 nop nop"),
    L("ts_short", "a length that is wrong", "mss raw=0808000003e80000 nop nop"),
    L("ts_last", "any order is allowed", "ws:7 sack mss nop ts"),
    L("ts_first", "any order is allowed", "ts mss ws:7 sack nop"),
    L("ts_unaligned", "any order is allowed", "nop ts sack mss ws:7 nop nop"),
    L("length_0", "a list that cannot be walked", "mss raw=fd00"),
    L("length_1", "a list that cannot be walked", "mss raw=fd01"),
    L("length_over", "an option past the end", "mss raw=fd28"),
    L("kind_at_end", "a kind without its length", "mss nop nop nop raw=02"),
    L("only_nops", "padding", " ".join(["nop"] * 40)),
    L("only_eol", "padding", "eol:3"),
    L("eol_then_more", "options behind the end", "mss eol sack ts nop"),
    L("full_list", "40 bytes", "mss sack ts nop ws:7 " +
      " ".join(["nop"] * 20)),
    L("full_unknown", "40 bytes", "mss sack ts nop ws:7 "
      "254=000102030405060708090a0b0c0d0e0f1011"),
    L("experiment", "RFC 6994", "mss 253=f989 sack ts nop ws:7"),
    L("fast_open_experiment", "Linux before 3.16", "mss sack ts nop ws:7 "
      "254=f989 nop nop"),
    L("fast_open_cookie", "a client with another server's cookie",
      "mss sack ts nop ws:7 34=0102030405060708 nop nop"),
    L("user_timeout", "RFC 5482", "mss 28=803c sack ts nop ws:7"),
    L("ao", "BGP with TCP-AO", "mss 29=0101000102030405060708090a0b nop nop"),
    L("accecn_option", "RFC 9768", "mss sack ts nop ws:7 172= nop nop",
      flags="SECN"),
    L("obsolete", "kinds 6, 9, 14", "mss 6=00000001 9= 14=01 nop"),
    L("ece_only", "half of an ECN request", "mss sack ts nop ws:7",
      flags="SE"),
    L("cwr_only", "half of an ECN request", "mss sack ts nop ws:7",
      flags="SC"),
    L("ae_only", "once the nonce", "mss sack ts nop ws:7", flags="SN"),
    L("psh", "odd clients", "mss sack ts nop ws:7", flags="SP"),
    L("urg", "odd clients", "mss sack ts nop ws:7", flags="SU", urgent=5),
    L("urgent_pointer", "odd clients", "mss sack ts nop ws:7", urgent=5),
    L("ack_number", "odd clients", "mss sack ts nop ws:7", ack=12345),
    L("isn_0", "counters at zero", "mss sack ts nop ws:7", seq=0),
    L("isn_last", "a number that wraps", "mss sack ts nop ws:7",
      seq=0xffffffff),
    L("data_1", "data in a SYN", "mss sack ts nop ws:7", data=b"x"),
    L("data_1000", "data in a SYN", "mss sack ts nop ws:7", data=b"x" * 1000),
    L("sport_1", "a low port", "mss sack ts nop ws:7", sport=1),
    L("ttl_1", "traceroute's last hop", "mss sack ts nop ws:7", ip={"ttl": 1}),
    L("ttl_255", "GTSM peers", "mss sack ts nop ws:7", ip={"ttl": 255}),
    L("no_df", "paths without discovery", "mss sack ts nop ws:7",
      ip={"df": False}),
    L("id_0", "Linux's own SYN-ACKs", "mss sack ts nop ws:7",
      ip={"ident": 0}),
    L("dscp", "networks that mark", "mss sack ts nop ws:7", ip={"tos": 0xb8}),
    L("label", "IPv6 flow labels", "mss sack ts nop ws:7",
      ip={"label": 0x12345}),
)
