# SPDX-License-Identifier: GPL-2.0-only
# Theory of operation: the rates of all floods as bars, relative to XDP_DROP.
# report.py gives out, machine and data: a line for each flood, a column for
# each defence.
set terminal svg size 1060,500 dynamic enhanced font "Helvetica,13" background "white"
set output out
set title "Packets that one core takes, sender included, relative to a bare XDP\\_DROP\n{/*0.8 ".machine."}"
set style data histogram
set style histogram clustered gap 1.5
set style fill solid 1 noborder
set boxwidth 0.9
set yrange [0:1.19]
set ytics 0.2 format "%.1f" nomirror
set xtics nomirror scale 0
set ylabel "ratio to XDP\\_DROP in the same round"
set grid y lc rgb "#dddddd" lt 1
set border 3 lc rgb "#777777"
set key outside below horizontal samplen 1.2 spacing 1.2
set label "no bar: not measured, see BENCHMARKS.md" at graph 0.995, 0.97 right \
	font ",10" tc rgb "#777777"
set datafile missing "NaN"
array colour[6] = ["#c4c9cf", "#8e99a5", "#0b6e4f", "#6fbf8f", "#d98c3f", "#b0413e"]
plot for [i=2:7] data using i:xtic(1) title columnheader(i) lc rgb colour[i - 1], \
	for [i=3:7] data skip 1 using ($0 + (i - 4.5) / 7.5):i:(sprintf("%.2f", column(i))) \
		with labels font ",10" rotate by 90 left offset 0,0.4 notitle
