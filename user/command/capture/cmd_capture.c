/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper capture`: writes a sample of the dropped
 * packets to a pcapng file (pcapng.h), with the reason as each packet's
 * comment. The daemon samples only while a client is subscribed (stream.h), at
 * a bounded rate. The file is opened once the daemon has accepted: a capture
 * that cannot begin does not touch an older file.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "text/addr.h"
#include "cmd.h"
#include "call/stream.h"
#include "out/outfile.h"
#include "pcapng.h"
#include "out/print.h"
#include "text/json_text.h"
#include "text/reason.h"
#include "text/words.h"

enum { OPT_FILE, OPT_REASON, OPT_SERVICE, OPT_COUNT, OPT_RATE };
enum { RATE_MAX = 10000, COUNT_MAX = 1000000000 };

struct capture {
	const struct cmd *c;
	const char *path; /* "-": standard output */
	unsigned int max; /* packets; 0: unlimited */
	struct outfile out;
	bool begun;
	struct pcapng file;
	json_int_t packets, lost;
};

/* ---- samples from the daemon ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Parses "01ab" into @buf. Returns the number of bytes, or -EINVAL. */
static int parse_hex(const char *text, unsigned char *buf, size_t size)
{
	size_t n;

	for (n = 0; text[2 * n]; n++) {
		int high = digit(text[2 * n]), low = digit(text[2 * n + 1]);

		if (n == size || high < 0 || low < 0)
			return -EINVAL;
		buf[n] = (unsigned char)(high << 4 | low);
	}
	return (int)n;
}

static const char *comment_of(const json_t *sample, char *buf, size_t size)
{
	const char *name = json_text(sample, "reason");
	const struct reason_info *r = reason_find(name);

	snprintf(buf, size, "%s%s%s", name, r ? ": " : "", r ? r->text : "");
	return buf;
}

/* Returns 0 or -errno; -EINVAL: not a sample. */
static int write_sample(struct capture *cap, const json_t *sample)
{
	unsigned char data[PCAPNG_DATA_MAX];
	char comment[PCAPNG_TEXT_MAX];
	int len = parse_hex(json_text(sample, "data"), data, sizeof(data));
	json_int_t wire = json_integer_value(json_object_get(sample, "length"));
	double when = json_number_value(json_object_get(sample, "time"));
	struct pcapng_packet packet;

	if (len <= 0 || wire < len || wire > UINT32_MAX || !(when >= 0))
		return -EINVAL;
	packet = (struct pcapng_packet){
		.iface = json_text(sample, "iface"),
		.time_us = (uint64_t)(when * 1e6 + 0.5),
		.data = data,
		.len = (uint32_t)len,
		.wire_len = (uint32_t)wire,
		.comment = comment_of(sample, comment, sizeof(comment)),
	};
	return pcapng_packet(&cap->file, &packet);
}

/* A reader that closes the pipe is not an error. */
static enum stream_next not_written(const struct capture *cap, int err)
{
	if (err == -EPIPE)
		return STREAM_ENOUGH;
	if (err == -EINVAL)
		cmd_failed(cap->c, "is it the same version as this command?",
			   "the daemon sent an invalid sample");
	else
		cmd_failed(cap->c,
			   err == -ENOSPC || err == -EDQUOT
				   ? "what was written is readable; free some "
				     "space or write elsewhere"
				   : NULL,
			   "%s: %s", cap->path, strerror(-err));
	return STREAM_FAILED;
}

static enum stream_next take_line(void *data, const char *line)
{
	struct capture *cap = data;
	json_t *sample = stream_event(cap->c, line);
	json_int_t lost;
	int err = 0;

	if (!sample)
		return STREAM_FAILED;
	lost = stream_lost(sample);
	if (lost)
		cap->lost += lost;
	else
		err = write_sample(cap, sample);
	json_decref(sample);
	if (err)
		return not_written(cap, err);
	cap->packets += !lost;
	return cap->max && cap->packets >= cap->max ? STREAM_ENOUGH : STREAM_ON;
}

/* ---- the file ---- */

static bool to_stdout(const struct capture *cap)
{
	return !strcmp(cap->path, "-");
}

/* Only the user who captures may read the packets: mode 0600. */
static enum stream_next begin(void *data)
{
	struct capture *cap = data;
	const char *todo = NULL;
	int err = 0;

	if (to_stdout(cap))
		cap->out.fd = STDOUT_FILENO;
	else
		err = outfile_open(&cap->out, cap->path, &todo);
	if (todo) {
		cmd_failed(cap->c, todo, "%s: %s", cap->path, strerror(-err));
		return STREAM_FAILED;
	}
	if (!err)
		err = pcapng_begin(&cap->file, cap->out.fd);
	if (!err && !to_stdout(cap))
		err = outfile_commit(&cap->out);
	cap->begun = !err;
	return err ? not_written(cap, err) : STREAM_ON;
}

static int out_fd(void *data)
{
	const struct capture *cap = data;

	return to_stdout(cap) ? cap->out.fd : -1;
}

/* Some file systems report a full disk only now. */
static int close_file(struct capture *cap)
{
	int err;

	pcapng_end(&cap->file);
	err = to_stdout(cap) ? 0 : outfile_close(&cap->out);
	if (!err || !cap->begun)
		return CMD_DONE;
	return cmd_failed(cap->c, NULL, "%s: %s", cap->path, strerror(-err));
}

static void report(const struct capture *cap)
{
	char n[PRINT_CELL_MAX], m[PRINT_CELL_MAX];
	json_t *packets = json_integer(cap->packets);
	json_t *lost = json_integer(cap->lost);

	if (cap->c->json)
		cmd_show(cap->c,
			 json_pack("{s:O, s:O}", "packets", packets, "lost",
				   lost),
			 NULL);
	else
		fprintf(cap->c->err, "%s packet%s captured%s%s%s\n",
			print_count(packets, n), cap->packets == 1 ? "" : "s",
			cap->lost ? ", " : "",
			cap->lost ? print_count(lost, m) : "",
			cap->lost ? " lost: this writer was too slow" : "");
	json_decref(packets);
	json_decref(lost);
}

/* ---- options ---- */

/* "bad_cookie,stray_rst" into @ret, an array. */
static int parse_reasons(const struct cmd *c, const char *text, json_t *ret)
{
	char word[64], near[REASON_NEAR_MAX], todo[REASON_NEAR_MAX + 32];
	const struct reason_info *r;
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		r = reason_find(word);
		if (!r) {
			reason_near(word, true, near);
			snprintf(todo, sizeof(todo), "did you mean %s?", near);
			return cmd_usage(c,
					 *near ? todo
					       : "synkeeper explain lists them",
					 "--reason %s: unknown reason", word);
		}
		if (r->action != REASON_DROP)
			return cmd_usage(c, "only dropped packets are sampled",
					 "--reason %s: drops no packets (%s)",
					 word, r->text);
		json_array_append_new(ret, json_string(r->name));
		if (!text[len])
			return CMD_DONE;
	}
}

/* An optional number from 1 to @max. */
static int parse_number(const struct cmd *c, const char *name, const char *text,
			unsigned int max, unsigned int *ret)
{
	unsigned int n;

	if (!text)
		return CMD_DONE;
	if (count_parse(text, &n) || !n || n > max)
		return cmd_usage(c, NULL,
				 "%s %s: must be a number from 1 to %u", name,
				 text, max);
	*ret = n;
	return CMD_DONE;
}

/* Parses the options into @cap and @request. */
static int parse_options(const struct cmd *c, const struct cmd_args *args,
			 struct capture *cap, json_t *request)
{
	const char *reason = args->option[OPT_REASON];
	const char *service = args->option[OPT_SERVICE], *why;
	json_t *reasons = json_array();
	struct listen listen;
	unsigned int rate = 0;
	int code = CMD_DONE;

	if (reason)
		code = parse_reasons(c, reason, reasons);
	if (!code && service && listen_parse(service, &listen, &why))
		code = cmd_usage(c, why, "--service %s", service);
	if (!code)
		code = parse_number(c, "--count", args->option[OPT_COUNT],
				    COUNT_MAX, &cap->max);
	if (!code)
		code = parse_number(c, "--rate", args->option[OPT_RATE],
				    RATE_MAX, &rate);
	if (reason)
		json_object_set(request, "reasons", reasons);
	if (service)
		json_object_set_new(request, "listen", json_string(service));
	if (rate)
		json_object_set_new(request, "rate", json_integer(rate));
	json_decref(reasons);
	return code;
}

static int refuse_output(const struct cmd *c, const struct capture *cap)
{
	if (!to_stdout(cap))
		return CMD_DONE;
	if (c->json)
		return cmd_usage(c, "use -w FILE, or omit -j",
				 "-j and -w - both write to standard output");
	if (isatty(STDOUT_FILENO))
		return cmd_failed(c,
				  "use -w FILE, or a pipe: synkeeper capture "
				  "-w - | tshark -r -",
				  "standard output is a terminal");
	return CMD_DONE;
}

static int capture_run(const struct cmd *c, const struct cmd_args *args)
{
	struct capture cap = { .c = c,
			       .path = args->option[OPT_FILE],
			       .out = { .fd = -1 } };
	const struct stream_handler f = {
		.begin = begin, .line = take_line, .out = out_fd, .data = &cap
	};
	json_t *request = json_object();
	int code = refuse_output(c, &cap);

	if (!code)
		code = parse_options(c, args, &cap, request);
	if (code) {
		json_decref(request);
		return code;
	}
	code = stream_run(c, "sample.watch", request, &f);
	if (close_file(&cap))
		code = CMD_FAILED;
	if (cap.begun)
		report(&cap);
	return code;
}

const struct cmd_object cmd_capture = {
	.name = "capture",
	.help = "a sample of the dropped packets, with reasons",
	.more = "R is one or more drop reasons, comma-separated; see "
		"synkeeper explain.\n"
		"--count stops after N packets, else Ctrl-C does; --rate "
		"limits the packets per\n"
		"second (default 100). -w - writes to standard output: "
		"capture -w - | tshark -r -\n",
	.verb = {
		{ .name = "",
		  .option = { [OPT_FILE] = { "-w", "FILE", true },
			      [OPT_REASON] = { "--reason", "R" },
			      [OPT_SERVICE] = { "--service", "A:P" },
			      [OPT_COUNT] = { "--count", "N" },
			      [OPT_RATE] = { "--rate", "N" } },
		  .help = "sampled drops as pcapng",
		  .run = capture_run },
	},
};
