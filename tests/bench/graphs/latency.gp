# SPDX-License-Identifier: GPL-2.0-only
# Theory of operation: how long the handshakes of good clients take, by flood
# and defence: a line from p50 to p99.9, with marks. report.py gives out,
# machine and data: a block for each defence (x, p50, p99, p99.9), and a last
# one that names the floods.
set terminal svg size 1060,500 dynamic enhanced font "Helvetica,13" background "white"
set output out
set title "How long a good client's handshake takes (logarithmic)\n{/*0.8 ".machine."}"
set logscale y
stats data using 4 name "worst" nooutput
set yrange [9.9:3 * worst_max]
set ytics ("10 µs" 10, "20 µs" 20, "50 µs" 50, "100 µs" 100, "200 µs" 200, \
	"500 µs" 500, "1 ms" 1000, "10 ms" 10000, "100 ms" 100000, \
	"1 s" 1000000) nomirror
names = worst_blocks - 1
last = names - 1
set xrange [-1:3 * (names + 1) - 1]
set xtics nomirror scale 0 offset 0,-0.3
set grid y lc rgb "#dddddd" lt 1
set border 3 lc rgb "#777777"
set key outside below vertical maxrows 5 samplen 1.5 spacing 1.2
if (worst_max > 300000) {
	set arrow from graph 0, first 1000000 to graph 1, first 1000000 \
		nohead lc rgb "#b0413e" dt 3 back
	set label "a lost SYN is sent again after 1 s" \
		at graph 0.99, first 1300000 right font ",10" tc rgb "#b0413e"
}
array colour[5] = ["#0b6e4f", "#6fbf8f", "#d98c3f", "#e0b080", "#b0413e"]
plot for [i=0:last] data index i using 1:2:2:4 with yerrorbars pt 0 lw 3 \
		lc rgb colour[i + 1] notitle, \
	for [i=0:last] data index i using 1:2 with points pt 7 ps 0.9 \
		lc rgb colour[i + 1] title columnheader(1), \
	for [i=0:last] data index i using 1:3 with points pt 9 ps 1 \
		lc rgb colour[i + 1] notitle, \
	for [i=0:last] data index i using 1:4 with points pt 5 ps 0.8 \
		lc rgb colour[i + 1] notitle, \
	data index names using 1:(1):xtic(2) with points pt 0 lc rgb "white" notitle, \
	NaN with points pt 7 lc rgb "#777777" title "p50", \
	NaN with points pt 9 lc rgb "#777777" title "p99", \
	NaN with points pt 5 lc rgb "#777777" title "p99.9"
