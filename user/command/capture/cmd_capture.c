/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper capture`: a sample of the packets that are
 * dropped, into a pcapng file (pcapng.h) with the reason as each packet's
 * comment. The daemon samples while somebody asks it to, at a bounded rate
 * (follow.h). The file is opened once the daemon has agreed: a capture that
 * cannot begin leaves an older one alone.
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
	unsigned int max; /* packets; 0: no end */
	struct outfile out;
	bool begun;
	struct pcapng file;
	json_int_t packets, lost;
};

/* ---- what the daemon sends ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "01ab" into @buf. Returns how many bytes that were, or -EINVAL. */
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

/* Returns 0 or -errno; -EINVAL: that is no sample. */
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

/* A reader that has seen enough is a good end. */
static enum follow_next not_written(const struct capture *cap, int err)
{
	if (err == -EPIPE)
		return FOLLOW_ENOUGH;
	if (err == -EINVAL)
		cmd_failed(cap->c, "is it of this version?",
			   "the daemon sent what is no sample");
	else
		cmd_failed(cap->c,
			   err == -ENOSPC || err == -EDQUOT
				   ? "what is in it can be read; write to "
				     "where there is room"
				   : NULL,
			   "%s: %s", cap->path, strerror(-err));
	return FOLLOW_FAILED;
}

static enum follow_next take_line(void *data, const char *line)
{
	struct capture *cap = data;
	json_t *sample = follow_event(cap->c, line);
	json_int_t lost;
	int err = 0;

	if (!sample)
		return FOLLOW_FAILED;
	lost = follow_lost(sample);
	if (lost)
		cap->lost += lost;
	else
		err = write_sample(cap, sample);
	json_decref(sample);
	if (err)
		return not_written(cap, err);
	cap->packets += !lost;
	return cap->max && cap->packets >= cap->max ? FOLLOW_ENOUGH : FOLLOW_ON;
}

/* ---- the file ---- */

static bool to_stdout(const struct capture *cap)
{
	return !strcmp(cap->path, "-");
}

/* Headers of other people's traffic are for whoever captured them. */
static enum follow_next begin(void *data)
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
		return FOLLOW_FAILED;
	}
	if (!err)
		err = pcapng_begin(&cap->file, cap->out.fd);
	if (!err && !to_stdout(cap))
		err = outfile_commit(&cap->out);
	cap->begun = !err;
	return err ? not_written(cap, err) : FOLLOW_ON;
}

static int out_fd(void *data)
{
	const struct capture *cap = data;

	return to_stdout(cap) ? cap->out.fd : -1;
}

/* Some file systems find out only now that there is no room. */
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

/* ---- what is asked for ---- */

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
			return cmd_usage(
				c, *near ? todo : "stats shows their names",
				"--reason %s: no reason has that name", word);
		}
		if (r->action != REASON_DROP)
			return cmd_usage(c, "only dropped packets are sampled",
					 "--reason %s: it never drops (%s)",
					 word, r->text);
		json_array_append_new(ret, json_string(r->name));
		if (!text[len])
			return CMD_DONE;
	}
}

/* A number from 1 to @max, or left out. */
static int parse_number(const struct cmd *c, const char *name, const char *text,
			unsigned int max, unsigned int *ret)
{
	unsigned int n;

	if (!text)
		return CMD_DONE;
	if (parse_count(text, &n) || !n || n > max)
		return cmd_usage(c, NULL, "%s %s: a number from 1 to %u", name,
				 text, max);
	*ret = n;
	return CMD_DONE;
}

/* Reads the options into @cap and @request. */
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
		return cmd_usage(c, "give -w FILE, or leave out -j",
				 "-j and -w - both want standard output");
	if (isatty(STDOUT_FILENO))
		return cmd_failed(c,
				  "give -w FILE, or a reader: synkeeper "
				  "capture -w - | tshark -r -",
				  "standard output is a terminal");
	return CMD_DONE;
}

static int capture_run(const struct cmd *c, const struct cmd_args *args)
{
	struct capture cap = { .c = c,
			       .path = args->option[OPT_FILE],
			       .out = { .fd = -1 } };
	const struct follower f = {
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
	code = follow(c, "sample.watch", request, &f);
	if (close_file(&cap))
		code = CMD_FAILED;
	if (cap.begun)
		report(&cap);
	return code;
}

const struct cmd_object cmd_capture = {
	.name = "capture",
	.help = "a sample of the dropped packets",
	.more = "Reasons, with commas between them, are those that stats "
		"shows as drop.\n"
		"N packets, or a second; 100 a second if --rate is left out. "
		"Without --count\n"
		"it goes on until Ctrl-C. -w - is standard output: "
		"capture -w - | tshark -r -\n",
	.verb = {
		{ .name = "",
		  .option = { [OPT_FILE] = { "-w", "FILE", true },
			      [OPT_REASON] = { "--reason", "R" },
			      [OPT_SERVICE] = { "--service", "A:P" },
			      [OPT_COUNT] = { "--count", "N" },
			      [OPT_RATE] = { "--rate", "N" } },
		  .help = "as pcapng, the reason in the comment",
		  .run = capture_run },
	},
};
