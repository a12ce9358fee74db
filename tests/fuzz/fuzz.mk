# SPDX-License-Identifier: GPL-2.0-only
# Part of the Makefile: the fuzz targets. What they look into, the BPF programs
# as native code and the daemon's files, is built once more with the sanitizers.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FO := $(O)/fuzz

FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(FO)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ += $(patsubst tests/fuzz/corpus/%.tar.gz,$(FO)/checked-in/%,$(wildcard tests/fuzz/corpus/*.tar.gz))
FUZZ_SERVING := $(filter-out tests/fuzz/fuzz_%.c tests/fuzz/seeds.c,$(wildcard tests/fuzz/*.c))
FUZZ_NATIVE := $(wildcard tests/fuzz/native/*.c)
FUZZ_USER := $(call sources_of,daemon) $(call sources_of,lib)
FUZZ_LIB := $(FO)/libfuzz.a

SANITIZE := -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link,address,undefined
FUZZ_CFLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DSYNKEEPER_VERSION='"$(VERSION)"' \
	$(INCLUDES) -Itests/fuzz -I$(O) \
	$(shell $(PKG_CONFIG) --cflags $(LIBS)) $(SANITIZE)
# BPF reads packets at any address, so the programs may as well. Their global
# functions have no prototypes, and libbpf's headers are those of shim/.
NATIVE_CFLAGS := -std=gnu11 $(filter-out -Wmissing-prototypes,$(WARN)) \
	-D_GNU_SOURCE -D__bpf__ -DBPF_NO_PRESERVE_ACCESS_INDEX \
	-Itests/fuzz/shim -Itests/fuzz/native -Ivmlinux/$(ARCH) -Iinclude -Ibpf
NATIVE_DEPS := $(wildcard bpf/*.[ch] bpf/*/*.h tests/fuzz/native/*.h tests/fuzz/shim/bpf/*.h) \
	$(SHARED) vmlinux/$(ARCH)/vmlinux.h

.PHONY: fuzz
fuzz: ## each fuzz target for a minute (FUZZ_SECONDS=60)
	$(Q)scripts/deps --fuzz
	$(Q)$(MAKE) --no-print-directory $(FUZZ)
	$(Q)tests/fuzz/run $(FUZZ_SECONDS)

$(FO)/native/%.o: tests/fuzz/native/%.c $(NATIVE_DEPS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(NATIVE_CFLAGS) $(SANITIZE) -fno-sanitize=alignment -c $< -o $@

$(FO)/plain/%.o: tests/fuzz/native/%.c $(NATIVE_DEPS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(NATIVE_CFLAGS) -g -O2 -c $< -o $@

$(FO)/user/%.o: user/%.c tests/fuzz/fuzz.mk | $(O)/synkeeper.skel.h $(O)/listeners.skel.h
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FO)/serving/%.o: tests/fuzz/%.c tests/fuzz/fuzz.mk | $(O)/synkeeper.skel.h $(O)/listeners.skel.h
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ_LIB): $(FUZZ_NATIVE:tests/fuzz/native/%.c=$(FO)/native/%.o) \
		$(FUZZ_SERVING:tests/fuzz/%.c=$(FO)/serving/%.o) \
		$(FUZZ_USER:user/%.c=$(FO)/user/%.o)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# muldefs: a stub of the target's own wins, whatever else of its file is needed
$(FO)/%: $(FO)/serving/fuzz_%.o $(FUZZ_LIB)
	$(call say,FUZZ,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -Wl,-z,muldefs $^ -o $@ $(ALL_LIBS)

# The corpora, for tests/run and tests/bpf/test_corpus.c; by tests/fuzz/keep
$(FO)/checked-in/%: tests/fuzz/corpus/%.tar.gz
	$(call say,UNPACK,$@)
	@rm -rf $@
	@mkdir -p $@
	$(Q)tar -xzf $< -C $@
	@touch $@

# tests/bpf/test_corpus.c plays scenarios, too, in front of the kernel
$(O)/tests/bpf-corpus: ALL_CFLAGS += -Itests/fuzz
$(O)/tests/bpf-corpus: $(addprefix tests/fuzz/,scenario.c answer.c play.c counted.c stats.c) \
		$(FUZZ_NATIVE:tests/fuzz/native/%.c=$(FO)/plain/%.o) $(wildcard tests/fuzz/*.h) \
		tests/fuzz/native/native.h

# Makes the first corpus of packet
$(FO)/seeds: tests/fuzz/seeds.c tests/fuzz/scenario.c tests/bpf/packet.c tests/bpf/opttext.c \
		$(wildcard tests/fuzz/*.h tests/bpf/*.h) $(SHARED)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/bpf -Itests/fuzz $(filter %.c,$^) -o $@ $(LDFLAGS)

.PRECIOUS: $(FO)/serving/%.o $(FO)/native/%.o $(FO)/user/%.o $(FO)/plain/%.o
-include $(wildcard $(FO)/user/*/*.d $(FO)/user/*/*/*.d $(FO)/serving/*.d)
