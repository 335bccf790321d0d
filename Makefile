# guidepost: one Makefile, no generated build system. `make help` lists what it can do.
#
#   MODE=release   optimised and hardened (what `make` builds)
#   MODE=debug     no optimisation, no sanitizers
#   MODE=asan      AddressSanitizer and UBSan (what the tests run)
#   MODE=cov       coverage by gcov
#   WERROR=1       warnings are errors (CI)
#   CC=clang-14    gcc and clang both work
#   BUILD=dir      put everything that is built there instead of into build/
#   LAYERS="base core"   build and test with these folders of src/ only, while others are half written

MODE ?= release
BUILD ?= build
CC = gcc
VERSION = 0.1.0
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
LAYERS ?= base core config net store chat exec api app cli

SHELL = /bin/bash
.SHELLFLAGS = -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL = all

# Without an own -j all cores are used.
ifeq ($(MAKELEVEL),0)
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
endif
MAKEFLAGS += --no-print-directory

OUT = $(BUILD)/$(MODE)
GEN = $(BUILD)/gen
# Tests run under the sanitizers unless a mode was asked for.
TEST_MODE = $(if $(filter file,$(origin MODE)),asan,$(MODE))
TEST_ENV = GUIDEPOST_BUILD=$(abspath $(BUILD)/$(TEST_MODE))

# --- Sources ----------------------------------------------------------------------------------------------------------

find_c = $(sort $(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*/*.c))

STEP_SRC := $(call find_c,src/exec/step)
SSH_SRC := $(call find_c,src/exec/ssh)
LIB_SRC := $(filter-out $(STEP_SRC) $(SSH_SRC),$(foreach layer,$(LAYERS),$(call find_c,src/$(layer))))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
SUPPORT_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c tests/fakes/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
WEB_FILES := $(sort $(shell [ ! -d web ] || find web -type f))
LUA_FILES := $(sort $(wildcard src/store/lua/*.lua))
TARGET_FILES := $(sort $(wildcard src/exec/ssh/*.sh))

LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o) $(if $(WEB_FILES),$(OUT)/gen/assets.o) $(if $(LUA_FILES),$(OUT)/gen/lua.o)
STEP_OBJ := $(patsubst %.c,$(OUT)/%.o,$(filter-out %/main.c,$(STEP_SRC) $(SSH_SRC))) $(if $(TARGET_FILES),$(OUT)/gen/target.o)
STEP_PLAIN_OBJ := $(STEP_SRC:%.c=$(OUT)/plain/%.o)
# What the two supervisors share is taken from an archive.
STEP_PLAIN_LIB := $(OUT)/plain/libstep.a
SSH_PLAIN_OBJ := $(SSH_SRC:%.c=$(OUT)/plain/%.o) $(OUT)/plain/gen/target.o
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(OUT)/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(OUT)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(OUT)/%)
# All, or those in FUZZ_TARGETS.
FUZZ_BIN := $(if $(FUZZ_TARGETS),$(FUZZ_TARGETS:%=$(OUT)/tests/fuzz/fuzz_%),$(FUZZ_SRC:%.c=$(OUT)/%))

# A library of a part of the layers has its own name, so that it is never taken for the whole.
comma := ,
empty :=
space := $(empty) $(empty)
LIB := $(OUT)/lib$(if $(filter command line environment,$(origin LAYERS)),part-$(subst $(space),-,$(strip $(LAYERS))),guidepost).a
STEP_LIB := $(OUT)/libstep.a
SUPPORT_LIB := $(OUT)/libsupport.a

# --- Flags ------------------------------------------------------------------------------------------------------------

PACKAGES = libuv libcurl hiredis libcjson libmicrohttpd libwebsockets yaml-0.1 libcrypto
# Asked once, and only when something is compiled: `make deps` must work before pkg-config is there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)

IS_GCC := $(findstring gcc,$(notdir $(CC)))
WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wswitch-enum -Wformat=2 -Wno-format-nonliteral -Wstrict-prototypes -Wmissing-prototypes \
           -Wimplicit-fallthrough -Wvla -Werror=implicit-function-declaration $(if $(IS_GCC),-Wbidi-chars=any) $(if $(WERROR),-Werror)
CPPFLAGS += -D_GNU_SOURCE -Iinclude -include base/banned.h -DGUIDEPOST_VERSION='"$(VERSION)"'
CFLAGS += -std=c17 -g $(WARNINGS) -ffile-prefix-map=$(CURDIR)=.
TEST_CPPFLAGS = -Isrc -Itests

# After the guide of the OpenSSF. Asserts stay on in every mode.
HARDENING = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fcf-protection=full -fstack-clash-protection \
            -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing \
            $(if $(IS_GCC),-ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -Wtrampolines)
HARDENING_LD = -Wl,-z,relro,-z,now,-z,noexecstack

FLAGS_release = -O2 -fPIE $(HARDENING)
LDFLAGS_release = -pie $(HARDENING_LD) -Wl,-z,nodlopen
FLAGS_debug = -O0
FLAGS_asan = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan = -fsanitize=address,undefined
FLAGS_cov = -O0 --coverage
LDFLAGS_cov = --coverage
FLAGS_fuzz = -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_fuzz = -fsanitize=fuzzer,address,undefined
ifeq ($(origin FLAGS_$(MODE)),undefined)
$(error MODE is release, debug, asan or cov, not '$(MODE)')
endif

COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP
# guidepost-step or guidepost-ssh is executed for every step, so they are static, small, and without sanitizers in every mode; with musl where it is
# there, since its start costs a third of that of the other C library (docs/adr/0011). musl-gcc knows no -static-pie: it is
# spelled out, with the start files that lie beside its specs.
MUSL := $(shell sed -n 's/.*-specs "\(.*\)\/musl-gcc.specs".*/\1/p' "$$(command -v musl-gcc)" 2>/dev/null)
STEP_CC := $(if $(MUSL),musl-gcc,$(CC))
STEP_COMPILE = $(STEP_CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP
PLAIN_FLAGS = -O2 -fPIE $(HARDENING)
PLAIN_START = $(if $(MUSL),-static -nostartfiles -Wl$(comma)-pie$(comma)--no-dynamic-linker$(comma)-z$(comma)text $(MUSL)/rcrt1.o $(MUSL)/crti.o,-static-pie)
PLAIN_END = $(if $(MUSL),$(MUSL)/crtn.o)

# --- Targets for people -----------------------------------------------------------------------------------------------

.PHONY: all deps run-deps demo test unit system browser soak mutants lint bench fuzz tidy format docs cov install clean distcheck help
.PHONY: binaries

all: binaries ## Build guidepost, guidepost-step and guidepost-ssh into build/$(MODE)

deps: ## Install the packages that building, running and testing need and that are missing
	@tools/deps run test

run-deps: # the same for building and running only
	@tools/deps run

demo: run-deps ## Build, then show a deployment that fails on one machine and goes on from your answer
	@$(MAKE) MODE=release all
	@$(BUILD)/release/guidepost demo

test: deps ## Everything below under the sanitizers: unit, system, browser (ends by itself, needs no terminal)
	@$(MAKE) MODE=$(TEST_MODE) all unit-binaries
	@failed=""; \
	for suite in unit system browser; do $(TEST_ENV) tests/run $$suite || failed="$$failed $$suite"; done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

unit: ## Unit tests: one program a module
	@$(MAKE) MODE=$(TEST_MODE) unit-binaries
	@$(TEST_ENV) tests/run unit

system: ## System tests: the real programs and a real Redis
	@$(MAKE) MODE=$(TEST_MODE) all
	@$(TEST_ENV) tests/run system

browser: ## The page in a headless Chromium
	@$(MAKE) MODE=$(TEST_MODE) all
	@$(TEST_ENV) tests/run browser

soak: deps ## The long loops: a thousand kills over hundreds of deployments (hours)
	@$(MAKE) MODE=$(TEST_MODE) all
	@$(TEST_ENV) tests/run soak

mutants: deps ## Break one rule after the other in a copy: each must be caught by the test that its patch names
	@MUTANTS=$(abspath $(BUILD)/mutants) MODE=$(TEST_MODE) tests/mutants/run.sh

bench: ## Measure, with medians, beside the limits of this machine, a bot on Node and BullMQ, and Ansible
	@tools/deps run test bench
	@$(MAKE) MODE=release all bench-binaries
	@GUIDEPOST_BUILD=$(abspath $(BUILD)/release) tests/run bench

fuzz: ## Feed each parser (or those in FUZZ_TARGETS) with random bytes for FUZZ_SECONDS
	@$(MAKE) MODE=fuzz CC=clang-14 fuzz-binaries
	@GUIDEPOST_BUILD=$(abspath $(BUILD)/fuzz) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run fuzz

lint: ## Layers, purity, headers, exported names, forbidden words, generated docs, format
	@$(MAKE) -k MODE=debug all || true
	@GUIDEPOST_BUILD=$(abspath $(BUILD)/debug) tests/run lint

tidy: ## clang-tidy over all sources (slow, so only on demand)
	@command -v clang-tidy-14 >/dev/null || { echo "make tidy needs the package clang-tidy-14" >&2; exit 1; }
	@printf '%s\n' $(LIB_SRC) $(STEP_SRC) $(SSH_SRC) | xargs -P $$(nproc) -I{} clang-tidy-14 --quiet {} -- \
		$(CPPFLAGS) -std=c17 $(PKG_CFLAGS)

format: ## Let clang-format lay out the sources
	@clang-format-14 -i $$(tests/lint/format --list)

docs: ## Write the pages that the program writes itself
	@$(MAKE) MODE=debug all $(BUILD)/debug/tests/unit/test_slack_preview
	@GUIDEPOST_BUILD=$(abspath $(BUILD)/debug) tests/lint/docs-drift --write
	@GUIDEPOST_WRITE_DOCS=1 $(BUILD)/debug/tests/unit/test_slack_preview >/dev/null

cov: ## Line coverage of the unit tests
	@$(MAKE) MODE=cov unit-binaries
	@find $(BUILD)/cov -name '*.gcda' -delete
	@GUIDEPOST_BUILD=$(abspath $(BUILD)/cov) tests/run unit
	@command -v gcovr >/dev/null || { echo "make cov needs the package gcovr" >&2; exit 1; }
	@gcovr --root . --object-directory $(BUILD)/cov --filter src/ --sort-percentage

install: all ## Install into DESTDIR and PREFIX (/usr/local)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin libexec/guidepost share/doc/guidepost/how-to share/guidepost/demo/bin)
	install -m 755 $(OUT)/guidepost $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(OUT)/guidepost-step $(OUT)/guidepost-ssh $(DESTDIR)$(PREFIX)/libexec/guidepost/
	install -m 644 $(wildcard config/*.yaml config/*.json) $(DESTDIR)$(PREFIX)/share/guidepost/
	install -m 644 config/demo/guidepost.yaml $(DESTDIR)$(PREFIX)/share/guidepost/demo/
	install -m 755 $(wildcard config/demo/bin/*) $(DESTDIR)$(PREFIX)/share/guidepost/demo/bin/
	install -m 644 $(wildcard README.md LICENSE CHANGELOG.md docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/guidepost/
	install -m 644 $(wildcard docs/how-to/*.md) $(DESTDIR)$(PREFIX)/share/doc/guidepost/how-to/

clean: ## Remove what was built
	rm -rf $(BUILD)

distcheck: ## What is committed builds by itself, installs, and twice the same to the bit
	@tools/distcheck $(BUILD)/distcheck

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@awk '/^#   [A-Z]/ { if (!n++) print ""; print "  " substr($$0, 5) }' Makefile

# --- Targets for make -------------------------------------------------------------------------------------------------

.PHONY: unit-binaries bench-binaries fuzz-binaries FORCE

# While a program's main.c is not there, the rest is still built.
binaries: $(LIB) $(if $(wildcard src/main.c),$(OUT)/guidepost) $(OUT)/guidepost-step $(OUT)/guidepost-ssh
unit-binaries: $(UNIT_BIN) $(OUT)/guidepost-step
bench-binaries: $(BENCH_BIN)
fuzz-binaries: $(FUZZ_BIN)

# Changes when a flag does, and with it everything that was compiled by it.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@flags='$(subst ',,$(COMPILE) $(FLAGS_$(MODE)))'; [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" >$@

$(OUT)/tests/%.o: tests/%.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(COMPILE) $(FLAGS_$(MODE)) $(TEST_CPPFLAGS) $(PKG_CFLAGS) -c -o $@ $<

$(OUT)/plain/%.o: %.c $(OUT)/flags Makefile
	@mkdir -p $(@D)
	@$(STEP_COMPILE) $(PLAIN_FLAGS) -c -o $@ $<

$(OUT)/plain/gen/%.o: $(GEN)/%.c $(OUT)/flags Makefile
	@mkdir -p $(@D)
	@$(STEP_COMPILE) $(PLAIN_FLAGS) -Isrc -c -o $@ $<

$(OUT)/gen/%.o: $(GEN)/%.c $(OUT)/flags
	@mkdir -p $(@D)
	@$(COMPILE) $(FLAGS_$(MODE)) -Isrc -c -o $@ $<

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(COMPILE) $(FLAGS_$(MODE)) $(PKG_CFLAGS) -c -o $@ $<

$(GEN)/assets.c: $(WEB_FILES) tools/embed
	@mkdir -p $(@D)
	@tools/embed assets web $(WEB_FILES) >$@

$(GEN)/lua.c: $(LUA_FILES) tools/embed
	@mkdir -p $(@D)
	@tools/embed scripts $(LUA_FILES) >$@

$(GEN)/target.c: $(TARGET_FILES) tools/embed
	@mkdir -p $(@D)
	@tools/embed shell $(TARGET_FILES) >$@

# Archives are made anew, since an old one would keep objects of deleted sources.
define ARCHIVE
@mkdir -p $(@D)
@rm -f $@
@$(AR) rcsD $@ $(filter %.o,$^)
endef

$(LIB): $(LIB_OBJ)
	$(ARCHIVE)
$(STEP_LIB): $(STEP_OBJ)
	$(ARCHIVE)
$(SUPPORT_LIB): $(SUPPORT_OBJ)
	$(ARCHIVE)

LINK = $(CC) $(CFLAGS) $(FLAGS_$(MODE))

$(OUT)/guidepost: $(OUT)/src/main.o $(LIB)
	@echo "  LINK    $@"
	@$(LINK) $(LDFLAGS_$(MODE)) -o $@ $^ $(PKG_LIBS)

$(STEP_PLAIN_LIB): $(filter-out %/main.o,$(STEP_PLAIN_OBJ))
	$(ARCHIVE)

$(OUT)/guidepost-step: $(OUT)/plain/src/exec/step/main.o $(STEP_PLAIN_LIB)
$(OUT)/guidepost-ssh: $(SSH_PLAIN_OBJ) $(STEP_PLAIN_LIB)
$(OUT)/guidepost-step $(OUT)/guidepost-ssh:
	@echo "  LINK    $@"
	@$(STEP_CC) $(PLAIN_FLAGS) $(HARDENING_LD) $(PLAIN_START) -o $@ $^ $(PLAIN_END)
	@! readelf -lW $@ | grep -q INTERP || { echo "$@ is not static" >&2; exit 1; }

$(OUT)/tests/unit/%: $(OUT)/tests/unit/%.o $(SUPPORT_LIB) $(STEP_LIB) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) $(LDFLAGS_$(MODE)) -o $@ $^ -lcmocka $(PKG_LIBS)

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o $(SUPPORT_LIB) $(STEP_LIB) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) $(LDFLAGS_$(MODE)) -o $@ $^ -lm $(PKG_LIBS)

$(OUT)/tests/fuzz/%: $(OUT)/tests/fuzz/%.o $(STEP_LIB) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) $(LDFLAGS_$(MODE)) -o $@ $^ $(PKG_LIBS)

.SECONDARY:
-include $(shell [ ! -d $(OUT) ] || find $(OUT) -name '*.d')
