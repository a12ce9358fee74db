// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: measures the time per packet, by kind (see
 * packet_rows.c). For each row the program under test, the bare verdict and the
 * baseline, if any, run in turns, so that a disturbance of the machine affects
 * all of them; the minimum of all rounds counts, since noise only adds. Rows go
 * to stdout, one JSON object per line, progress to stderr.
 *
 *	value		ns above the floor: the same wrapper with a bare
 *			verdict: least minus least
 *	median		of the rounds' differences
 *	ratio		with a look-up as the baseline: value to its value. Else
 *			the whole run to that of the floor
 *
 * With --turns it only measures when it is told to, so that two builds can take
 * turns (turns.py): it prints {"turn": NAME}, waits for a line on standard
 * input, measures one round of that row and prints
 * {"done": NAME, "ns": ..., "floor": ...}.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bed.h"

enum { ROUNDS_MAX = 16, ROWS_MAX = 64 };

struct effort {
	unsigned rounds;
	unsigned slices; /* of a round; the least counts */
	unsigned repeat; /* packets of a slice */
	unsigned both;	 /* slices that are run on two cores, too */
};

static const struct effort full = { 5, 5, 100000, 2 };
static const struct effort quick = { 3, 3, 30000, 1 };
static const struct effort turns = { 9, 3, 30000, 0 };

/* ns a packet, by round. */
struct times {
	double of[WRAP_PROGRAMS][ROUNDS_MAX];
	double both[WRAP_PROGRAMS][ROUNDS_MAX]; /* on two cores at once */
};

static void keep_least(double *least, unsigned slice, double ns)
{
	if (!slice || ns < *least)
		*least = ns;
}

static void measure(const struct effort *e, const struct trial *t,
		    unsigned round, struct times *times)
{
	unsigned repeat = t->row->few ? BED_FEW : e->repeat, slice, program;
	unsigned programs = t->row->beside_hash ? WRAP_PROGRAMS : WRAP_BASELINE;

	bed_install(t);
	for (slice = 0; slice < e->slices; slice++) {
		for (program = 0; program < programs; program++)
			keep_least(&times->of[program][round], slice,
				   bed_run(t, program, repeat));
	}
}

/* Of @t and @other on two cores at once, the row and its floor. */
static void measure_both(const struct effort *e, const struct trial *t,
			 const struct trial *other, unsigned round,
			 struct times *times)
{
	const struct trial *both[BED_LANES] = { t, other };
	unsigned repeat = t->row->few ? BED_FEW : e->repeat, slice, program;

	bed_install(other);
	for (slice = 0; slice < e->both; slice++)
		for (program = 0; program < WRAP_BASELINE; program++)
			keep_least(&times->both[program][round], slice,
				   bed_run_both(both, program, repeat));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double least(const double *ns, unsigned rounds)
{
	double min = ns[0];
	unsigned i;

	for (i = 1; i < rounds; i++)
		min = ns[i] < min ? ns[i] : min;
	return min;
}

static double median_above_floor(const double of[][ROUNDS_MAX], unsigned rounds)
{
	double diffs[ROUNDS_MAX] = {};
	unsigned i;

	for (i = 0; i < rounds; i++)
		diffs[i] = of[WRAP_UNDER_TEST][i] - of[WRAP_FLOOR][i];
	qsort(diffs, rounds, sizeof(*diffs), compare);
	return diffs[rounds / 2];
}

/* With a lookup the costs above the floor are compared, else the totals. */
static double ratio(const struct row *row, double whole, double floor,
		    double lookup)
{
	return row->beside_hash ? (whole - floor) / (lookup - floor)
				: whole / floor;
}

/* The minimum and maximum of the rounds' ratios. */
static void ratio_range(const struct row *row, const struct times *t,
			unsigned rounds, double *ret_min, double *ret_max)
{
	unsigned i;

	for (i = 0; i < rounds; i++) {
		double r = ratio(row, t->of[WRAP_UNDER_TEST][i],
				 t->of[WRAP_FLOOR][i], t->of[WRAP_BASELINE][i]);

		*ret_min = i && *ret_min < r ? *ret_min : r;
		*ret_max = i && *ret_max > r ? *ret_max : r;
	}
}

static const char *name_of(const struct scene *s, const struct row *row)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s%s%s", row->name, *s->name ? ", " : "",
		 s->name);
	return name;
}

static void report(const struct scene *scene, const struct trial *t,
		   const struct times *times, unsigned rounds)
{
	const struct row *row = t->row;
	double floor = least(times->of[WRAP_FLOOR], rounds);
	double whole = least(times->of[WRAP_UNDER_TEST], rounds);
	double lookup = row->beside_hash
				? least(times->of[WRAP_BASELINE], rounds)
				: floor;
	double base = row->beside_hash ? lookup - floor : floor;
	double min = 0, max = 0;
	const char *base_name = row->beside_hash ? "look-up in a BPF hash map"
						 : t->floor;
	const char *name = name_of(scene, row);

	ratio_range(row, times, rounds, &min, &max);
	printf("{\"part\":\"packet\",\"name\":\"%s\",\"value\":%.1f,"
	       "\"unit\":\"ns above floor\",\"baseline\":\"%s\","
	       "\"baseline_value\":%.1f,\"ratio\":%.3f,\"ratio_min\":%.3f,"
	       "\"ratio_max\":%.3f,\"rounds\":%u,\"min\":%.1f,\"median\":%.1f",
	       name, whole - floor, base_name, base,
	       ratio(row, whole, floor, lookup), min, max, rounds,
	       whole - floor, median_above_floor(times->of, rounds));
	if (row->goal_unit)
		printf(",\"goal\":%g,\"goal_unit\":\"%s\"", row->goal,
		       row->goal_unit);
	puts("}");
	fflush(stdout);
	fprintf(stderr, "%-62s %7.1f ns   %s %.1f\n", name, whole - floor,
		base_name, base);
}

/* What it costs while another core does the same. */
static void report_both(const struct scene *scene, const struct trial *t,
			const struct times *times, unsigned rounds)
{
	double alone = least(times->of[WRAP_UNDER_TEST], rounds) -
		       least(times->of[WRAP_FLOOR], rounds);
	double both = least(times->both[WRAP_UNDER_TEST], rounds) -
		      least(times->both[WRAP_FLOOR], rounds);
	const char *name = name_of(scene, t->row);

	printf("{\"part\":\"cores\",\"name\":\"%s\",\"value\":%.1f,"
	       "\"unit\":\"ns above floor\",\"baseline\":\"one core alone\","
	       "\"baseline_value\":%.1f,\"ratio\":%.3f,\"rounds\":%u,"
	       "\"min\":%.1f,\"median\":%.1f}\n",
	       name, both, alone, alone > 0 ? both / alone : 0, rounds, both,
	       median_above_floor(times->both, rounds));
	fflush(stdout);
	fprintf(stderr, "%-62s %7.1f ns   two cores at once\n", name, both);
}

/* Measures one round, in its turn. */
static void take_turn(const char *name, const struct effort *e,
		      const struct trial *t, unsigned round,
		      struct times *times)
{
	char line[16];

	printf("{\"turn\": \"%s\"}\n", name);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1); /* nobody wants it any more */
	measure(e, t, round, times);
	printf("{\"done\": \"%s\", \"ns\": %.2f, \"floor\": %.2f}\n", name,
	       times->of[WRAP_UNDER_TEST][round], times->of[WRAP_FLOOR][round]);
	fflush(stdout);
}

/* Does the user want a row of this scene? Lists them in @ret. */
static unsigned choose(const struct scene *s, const char *only,
		       const struct row *ret[ROWS_MAX])
{
	unsigned i, n = 0;

	for (i = 0; i < s->n_rows && n < ROWS_MAX; i++)
		if (!only || strstr(name_of(s, &s->rows[i]), only))
			ret[n++] = &s->rows[i];
	return n;
}

/* A round of all rows, @n of them. */
static void play_round(const struct scene *scene, const struct effort *e,
		       struct trial trials[][BED_LANES], unsigned n,
		       unsigned round, struct times *times)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct trial *t = trials[i];

		if (e == &turns)
			take_turn(name_of(scene, t->row), e, t, round,
				  &times[i]);
		else
			measure(e, t, round, &times[i]);
		if (e->both && bed.lanes > 1)
			measure_both(e, t, &t[1], round, &times[i]);
	}
}

static unsigned play(const struct scene *scene, const char *only,
		     const struct effort *e)
{
	static struct trial trials[ROWS_MAX][BED_LANES];
	static struct times times[ROWS_MAX];
	const struct row *rows[ROWS_MAX];
	unsigned n = choose(scene, only, rows), round, lane, i;

	if (!n)
		return 0;
	bed_scene(scene);
	for (i = 0; i < n; i++) {
		for (lane = 0; lane < bed.lanes; lane++) {
			bed_trial(rows[i], lane, &trials[i][lane]);
			bed_install(&trials[i][lane]);
			bed_run(&trials[i][lane], WRAP_UNDER_TEST, 1);
		}
	}
	for (round = 0; round < e->rounds; round++)
		play_round(scene, e, trials, n, round, times);
	for (i = 0; i < n && e != &turns; i++)
		report(scene, trials[i], &times[i], e->rounds);
	for (i = 0; i < n && e->both && bed.lanes > 1; i++)
		report_both(scene, trials[i], &times[i], e->rounds);
	return n;
}

static int usage(FILE *to)
{
	fputs("usage: packet [--quick|--turns] [--only SUBSTRING]\n"
	      "       packet --list\n"
	      "JSON rows to stdout; --only: those whose name has it; --turns: "
	      "when told to\n",
	      to);
	return to == stdout ? 0 : 2;
}

static int list(void)
{
	unsigned i, j;

	for (i = 0; i < n_scenes; i++)
		for (j = 0; j < scenes[i].n_rows; j++)
			puts(name_of(&scenes[i], &scenes[i].rows[j]));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "turns", no_argument, NULL, 't' },
		{ "only", required_argument, NULL, 'o' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const struct effort *e = &full;
	const char *only = NULL;
	unsigned i, n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			e = &quick;
		else if (c == 't')
			e = &turns;
		else if (c == 'o')
			only = optarg;
		else if (c == 'l')
			return list();
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind < argc)
		return usage(stderr);
	bed_open();
	for (i = 0; i < n_scenes; i++)
		n += play(&scenes[i], only, e);
	if (!n)
		fprintf(stderr, "packet: no row has '%s' in its name\n", only);
	return n ? 0 : 1;
}
