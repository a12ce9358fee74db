# SPDX-License-Identifier: GPL-2.0-only
# Theory of operation: what a flood's packet costs with tables of several sizes
# and fills, as bars. report.py gives out, machine and data: a line for each
# flood and fill, a column for each size.
set terminal svg size 1060,420 dynamic enhanced font "Helvetica,13" background "white"
set output out
set title "A flood's packet: core time above XDP\\_TX (SYN) and XDP\\_DROP (ACK), by the table's size and fill\n{/*0.8 ".machine."}"
set style data histogram
set style histogram clustered gap 1.5
set style fill solid 1 noborder
set boxwidth 0.9
set yrange [0:*]
set ytics nomirror
set xtics nomirror scale 0
set ylabel "ns"
set grid y lc rgb "#dddddd" lt 1
set border 3 lc rgb "#777777"
set key outside below horizontal samplen 1.2 spacing 1.2
set datafile missing "NaN"
colours = "#6fbf8f #0b6e4f #1d3b2f"
plot for [i=2:*] data using i:xtic(1) title columnheader(i) lc rgb word(colours, i - 1)
