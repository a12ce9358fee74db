# SPDX-License-Identifier: GPL-2.0-only
# Everything is built in .output/; `make help` lists the targets, V=1 shows the
# commands.

O := .output
VERSION := $(shell cat VERSION)

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell PATH=$$PATH:/usr/sbin command -v bpftool || echo bpftool)
PKG_CONFIG ?= pkg-config
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null || uname -m)
ARCH := $(shell echo $(MACHINE) | sed 's/-.*//; s/x86_64/x86/; s/aarch64/arm64/')
# make CC=aarch64-linux-gnu-gcc, with Debian's libraries for that architecture
ifneq ($(filter %-gcc,$(notdir $(CC))),)
AR := $(CC:%gcc=%ar)
ifeq ($(origin PKG_CONFIG),file)
PKG_CONFIG := PKG_CONFIG_LIBDIR=/usr/lib/$(MACHINE)/pkgconfig:/usr/share/pkgconfig pkg-config
endif
endif
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
UNITDIR ?= $(or $(shell $(PKG_CONFIG) --variable=systemdsystemunitdir systemd 2>/dev/null),/lib/systemd/system)
export PREFIX DESTDIR SYSCONFDIR UNITDIR

Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' $(1) $(2)

LIBS := libbpf libsystemd jansson libmnl libcap-ng libmicrohttpd ncursesw libsodium
TEST_LIBS := cmocka
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wno-missing-field-initializers
ALL_CFLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DSYNKEEPER_VERSION='"$(VERSION)"' \
	$(INCLUDES) -I$(O) $(shell $(PKG_CONFIG) --cflags $(LIBS)) \
	$(CPPFLAGS) $(CFLAGS)
ALL_LIBS = $(LDFLAGS) -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(LIBS)) -lm
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror \
	-Iinclude -Ibpf -Ivmlinux/$(ARCH)

SHARED := $(wildcard include/synkeeper/*.h)
# A library per layer. The include paths keep the layers apart: daemon and
# command cannot include each other's headers, and user/lib those of neither.
LAYERS := daemon command lib
MAINS := user/daemon/synkeeperd.c user/command/synkeeper.c
INCLUDES := -Iinclude $(LAYERS:%=-Iuser/%)
USER_LIBS := $(LAYERS:%=$(O)/user/%.a)
sources_of = $(filter-out $(MAINS),$(wildcard user/$(1)/*.c user/$(1)/*/*.c))
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit-%,$(wildcard tests/unit/*.c))
BPFTEST := $(patsubst tests/bpf/test_%.c,$(O)/tests/bpf-%,$(wildcard tests/bpf/test_*.c))
BENCH := $(patsubst tests/bench/%.bpf.c,$(O)/tests/%,$(wildcard tests/bench/*.bpf.c)) $(O)/tests/scale $(O)/tests/clients
# what tests/bench/live.py needs besides flood
BENCH_LIVE := $(patsubst tests/bench/%.bpf.c,$(O)/%.bpf.o,$(wildcard tests/bench/floor/*.bpf.c)) $(O)/demo/serve
# what scripts/demo runs from tests/
DEMO := $(patsubst tests/demo/%.c,$(O)/demo/%,$(wildcard tests/demo/*.c)) $(O)/tests/flood

MAN := $(patsubst man/%.scd,$(O)/man/%,$(wildcard man/*.scd))

.PHONY: all help deps check demo demo-parts bench bench-check lint clean tests man install uninstall deb unit distcheck vmcheck debcheck
all: $(O)/synkeeperd $(O)/synkeeper $(O)/synkeeper.bpf.o ## the daemon, the command, the BPF object

include tests/fuzz/fuzz.mk

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

deps: ## install the Debian packages for build and tests (root)
	$(Q)scripts/deps

check: ## build, run all tests (root): scripts/check
	$(Q)scripts/check

demo: ## a flood without and with Synkeeper (root): scripts/demo
	$(Q)scripts/demo

demo-parts: all $(DEMO)

bench: deps ## repeat the measurements of docs/BENCHMARKS.md (root); 10 minutes
	$(Q)$(MAKE) --no-print-directory all $(BENCH) $(BENCH_LIVE)
	$(Q)tests/bench/bench.py

bench-check: deps ## what a packet costs now and before, by turns; AGAINST=COMMIT or folder (root)
	$(Q)$(MAKE) --no-print-directory all $(BENCH) $(BENCH_LIVE)
	$(Q)tests/bench/bench.py --check $(AGAINST:%=--against %)

tests: all $(UNIT) $(BPFTEST) $(BENCH) $(BENCH_LIVE) $(DEMO) $(FUZZ)

# RUN: a command to run them with (qemu-aarch64-static); SLOW: names to skip
UNIT_RUN = $(filter-out $(SLOW:%=$(O)/tests/unit-%),$(UNIT))
unit: $(UNIT) ## build and run the unit tests only
	$(Q)failed=0; for t in $(UNIT_RUN); do \
		$(RUN) $$t >$$t.log 2>&1 || { cat $$t.log; failed=1; }; done; exit $$failed
	@grep -h -B1 '^\[  SKIPPED \]' $(UNIT_RUN:=.log) || :
	@echo '  $(words $(UNIT_RUN)) unit test programs passed$(SLOW:%=, %: skipped)'

distcheck: ## build and unit tests in minimal roots of Debian 12, 13, and for arm64 (root)
	$(Q)tests/run vm/distros

lint: ## clang-format, clang-tidy, cppcheck, shellcheck, pyflakes, mandoc
	$(Q)scripts/lint

install: all $(MAN) ## to $(DESTDIR)$(PREFIX); keeps an existing configuration
	$(Q)scripts/install $(O)

uninstall: ## remove what install installed, except the configuration
	$(Q)scripts/install --remove $(O)

vmcheck: deps ## run tests in guests with other kernels (root); emulated, about an hour
	$(Q)$(MAKE) --no-print-directory all tests
	$(Q)tests/run vm/bpf vm/net vm/clients

debcheck: deps ## test the package in a container and in a guest booted by systemd (root)
	$(Q)$(MAKE) --no-print-directory tests deb
	$(Q)tests/run vm/package vm/boot

deb: ## build a Debian package in .output/deb/, checked by lintian (root)
	$(Q)scripts/deb

clean:
	rm -rf $(O)

$(O)/tools: scripts/tools Makefile
	@mkdir -p $(@D)
	@CC='$(CC)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' PKG_CONFIG='$(PKG_CONFIG)' \
		LIBS='$(LIBS)' scripts/tools
	@touch $@

vmlinux/%/vmlinux.h:
	@echo 'synkeeper: no kernel types for ARCH=$*, only for $(notdir $(wildcard vmlinux/*)): see scripts/gen-vmlinux' >&2
	@false

$(O)/synkeeper.bpf.o: $(wildcard bpf/synkeeper.bpf.c bpf/*.h bpf/*/*.h) $(SHARED) vmlinux/$(ARCH)/vmlinux.h Makefile | $(O)/tools
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c bpf/synkeeper.bpf.c -o $@

$(O)/listeners.bpf.o: bpf/listeners.bpf.c $(SHARED) vmlinux/$(ARCH)/vmlinux.h Makefile | $(O)/tools
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

man: $(MAN) ## the manual pages

$(O)/man/%: man/%.scd
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@ || { rm -f $@; false; }

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q){ echo '/* NOLINTBEGIN: generated; the analyzer reports a leak */'; \
		$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf && \
		echo '/* NOLINTEND */'; } > $@ || { rm -f $@; false; }

# The default depends on the PREFIX of the build
$(O)/user/command/%: ALL_CFLAGS += -DCONFIG_PATH_DEFAULT='"$(SYSCONFDIR)/synkeeper.conf"'

# The skeletons must exist first; the .d files record who depends on them.
SKELETONS := $(O)/synkeeper.skel.h $(O)/listeners.skel.h
$(O)/user/%.o: user/%.c Makefile | $(SKELETONS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/user/daemon/%: INCLUDES := -Iinclude -Iuser/daemon -Iuser/lib
$(O)/user/command/%: INCLUDES := -Iinclude -Iuser/command -Iuser/lib
$(O)/user/lib/%: INCLUDES := -Iinclude -Iuser/lib

define library
$(O)/user/$(1).a: $(patsubst user/%.c,$(O)/user/%.o,$(call sources_of,$(1)))
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call library,$(layer))))

$(O)/synkeeperd: $(O)/user/daemon/synkeeperd.o $(O)/user/daemon.a $(O)/user/lib.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(ALL_LIBS)

$(O)/synkeeper: $(O)/user/command/synkeeper.o $(O)/user/command.a $(O)/user/lib.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(ALL_LIBS)

$(O)/tests/unit-%: tests/unit/%.c $(wildcard tests/lib/*.h) $(SHARED) $(USER_LIBS)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/lib $< $(USER_LIBS) -o $@ $(ALL_LIBS) $(shell $(PKG_CONFIG) --libs $(TEST_LIBS))

# tests/bpf: every test_*.c is a test, the other files are linked into each
$(O)/tests/bpf-%: tests/bpf/test_%.c $(filter-out $(wildcard tests/bpf/test_*.c),$(wildcard tests/bpf/*.c)) \
		$(wildcard tests/bpf/*.h tests/lib/*.h) $(SHARED) $(O)/synkeeper.skel.h
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/lib -Itests/bpf $(filter %.c %.o,$^) -o $@ $(ALL_LIBS) $(shell $(PKG_CONFIG) --libs $(TEST_LIBS))

$(O)/%.bpf.o: tests/bench/%.bpf.c vmlinux/$(ARCH)/vmlinux.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/tests/%: tests/bench/%.c $(O)/%.skel.h
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< -o $@ $(ALL_LIBS)

# tests/bench/packet: several files, and the harness of tests/bpf
$(O)/packet.bpf.o: tests/bench/wrap.h $(SHARED)
$(O)/tests/packet: $(addprefix tests/bench/,packet.c packet_rows.c bed.c trial.c pass.c tables.c) \
		$(filter-out $(wildcard tests/bpf/test_*.c),$(wildcard tests/bpf/*.c)) \
		$(wildcard tests/bench/*.h tests/bpf/*.h) $(SHARED) $(O)/packet.skel.h $(O)/synkeeper.skel.h
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(filter %.c,$^) -o $@ $(ALL_LIBS) $(shell $(PKG_CONFIG) --libs $(TEST_LIBS))

# tests/bench/scale: no BPF program of its own
$(O)/tests/scale: tests/bench/scale.c tests/bench/tables.c $(wildcard tests/bench/*.h) $(SHARED)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(filter %.c,$^) -o $@ $(ALL_LIBS)

$(O)/demo/%: tests/demo/%.c
	$(call say,DEMO,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< -o $@ $(LDFLAGS)

$(O)/tests/clients: tests/bench/clients.c
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< -o $@ $(LDFLAGS)

# Keep these intermediate files. (Not .SECONDARY for everything: that would also
# ignore a deleted header, and leave what included it stale.)
.PRECIOUS: $(O)/%.bpf.o $(O)/%.skel.h
-include $(wildcard $(O)/user/*/*.d $(O)/user/*/*/*.d)
