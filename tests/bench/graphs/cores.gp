# SPDX-License-Identifier: GPL-2.0-only
# Theory of operation: what a packet costs one core alone, and one of two that
# do the same at once, as bars. report.py gives out, machine and data: a line
# for each kind of packet, a column for each number of cores.
set terminal svg size 1060,420 dynamic enhanced font "Helvetica,13" background "white"
set output out
set title "A packet on one core, and on two at once: ns above the floor\n{/*0.8 ".machine."}"
set style data histogram
set style histogram clustered gap 1.5
set style fill solid 1 noborder
set boxwidth 0.9
set yrange [0:*]
set ytics nomirror
set xtics nomirror scale 0 rotate by -20 font ",11"
set ylabel "ns"
set grid y lc rgb "#dddddd" lt 1
set border 3 lc rgb "#777777"
set key outside below horizontal samplen 1.2 spacing 1.2
plot data using 2:xtic(1) title columnheader(2) lc rgb "#8e99a5", \
	data using 3 title columnheader(3) lc rgb "#0b6e4f"
