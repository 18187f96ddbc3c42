# MedSync's build: one makefile for everything, each flag set in a directory of its own.
#
#   make            programs and archives into build/<variant>, links to the programs in build/bin
#   make test       every test; ends with "N passed, N failed, N skipped"
#   make run        the embedded network and the scenario (BUNDLE=path takes a FHIR bundle)
#   make check      layers, headers, format: fast
#   make check-all  and the sanitizers and analysers: slow (CHECKS='asan tsan': some parts of it)
#   make bench      what a transaction costs, beside the least that answers it (BENCH='--help')
#   make fuzz       each fuzz target for FUZZ_SECONDS (60)
#   make soak       SOAK_CALLS (100,000) random calls of each chaincode, from MEDSYNC_SEED or a fresh seed
#   make install    programs, headers, libfcc.a, fcc.pc, manual, completion (PREFIX=, DESTDIR=)
#   make image      the container image; make base-image: what it stands on, where that can't be pulled
#   VARIANT=        release (default), debug, asan, tsan;  CC=gcc|clang;  V=1 shows the commands

VARIANT ?= release
CC = gcc
B := build/$(VARIANT)
PREFIX ?= /usr/local
VERSION := 0.1.0
RELEASED := 2026-11-21
SHELL := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

# ---- flags -----------------------------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wno-unused-parameter
ifdef CI
WARN += -Werror
endif
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -g -fsanitize=thread
OPT := $(OPT_$(VARIANT))
PKGS := grpc gpr libprotobuf-c libcrypto libssl yaml-0.1 lmdb jansson libarchive zlib libmicrohttpd libcurl
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -fstack-protector-strong -fvisibility=hidden -fno-common -pthread \
  -Ishim/include -Ishim -Inetwork -Ichaincode -I. -I$(B)/gen $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL := $(OPT) -pthread -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
GRPC_LIBS := $(shell pkg-config --libs grpc gpr 2>/dev/null)
# A chaincode's: gRPC and Abseil out of their archives, without calls through tables and look-ups of a thread's variables
# (docs/dependencies.md). A sanitizer wants to know gRPC's code from ours.
GRPC_OWN := -lgrpc -lgpr -laddress_sorting -lupb -labsl_%
FCC_GRPC_release = $(foreach l,$(GRPC_LIBS),$(if $(filter $(GRPC_OWN),$(l)),$(l:-l%=-l:lib%.a),$(l))) -l:libstdc++.so.6 -lm
FCC_GRPC = $(or $(FCC_GRPC_$(VARIANT)),$(GRPC_LIBS))
PB_LIBS := $(shell pkg-config --libs libprotobuf-c 2>/dev/null)
CRYPTO_LIBS := $(shell pkg-config --libs libcrypto 2>/dev/null)
YAML_LIBS := $(shell pkg-config --libs yaml-0.1 2>/dev/null)
LMDB_LIBS := $(shell pkg-config --libs lmdb 2>/dev/null)
JSON_LIBS := $(shell pkg-config --libs jansson 2>/dev/null)
SSL_LIBS := $(shell pkg-config --libs libssl 2>/dev/null)
ARCHIVE_LIBS := $(shell pkg-config --libs libarchive 2>/dev/null)
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null)
Z_LIBS := $(shell pkg-config --libs zlib 2>/dev/null)
CMOCKA_LIBS := $(shell pkg-config --libs cmocka 2>/dev/null)

# ---- messages --------------------------------------------------------------------------------------------------------
PROTOS := $(sort $(patsubst protos/%,%,$(shell find protos -name '*.proto')))
GEN_C := $(PROTOS:%.proto=$(B)/gen/%.pb-c.c)
GEN_H := $(PROTOS:%.proto=$(B)/gen/%.pb-c.h)

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: protos/%.proto
	$(call say,PROTOC,$<)
	@mkdir -p $(B)/gen
	$(Q)protoc-c --proto_path=protos --c_out=$(B)/gen $*.proto

$(B)/gen/utf8_fields.inc: protos/utf8.awk $(addprefix protos/,$(PROTOS))
	@mkdir -p $(@D)
	$(Q)awk -f protos/utf8.awk $(addprefix protos/,$(PROTOS)) | LC_ALL=C sort >$@

# ---- archives: one a folder, so that test/check/layers.sh can hold the layers ----------------------------------------
# objs(folders): the objects of every .c file in these folders, tests apart
srcs = $(filter-out %_test.c,$(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*.S)))
objs = $(patsubst %,$(B)/obj/%.o,$(call srcs,$(1)))

ARCHIVES :=
define archive # name, folders
ARCHIVES += $(B)/lib$(1).a
$(1)_OBJS := $$(call objs,$(2))
$(B)/lib$(1).a: $$($(1)_OBJS)
endef

$(eval $(call archive,base,shim/base))
$(eval $(call archive,protos,protos))
$(B)/libprotos.a: $(GEN_C:%.c=%.o)

include $(wildcard shim/module.mk chaincode/module.mk network/module.mk test/module.mk)

$(ARCHIVES):
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/obj/%.c.o: %.c | $(GEN_H) $(B)/gen/utf8_fields.inc
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/obj/%.S.o: %.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# generated code is not held to our warnings
$(B)/gen/%.o: $(B)/gen/%.c | $(GEN_H)
	$(Q)$(CC) $(CFLAGS_ALL) -w -MMD -MP -c $< -o $@

# ---- programs --------------------------------------------------------------------------------------------------------
# PROGRAMS and, for each, <name>_OBJS (objects and archives in link order) and <name>_LIBS, come from the module files
PROGRAMS ?=
define program
$(B)/bin/$(1): $$($(1)_OBJS)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$($(1)_OBJS) $$($(1)_LIBS)
build/bin/$(1): $(B)/bin/$(1)
	@mkdir -p build/bin
	@ln -sf ../../$(B)/bin/$(1) $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# ---- unit tests: one program for each test/unit/**/test_*.c -----------------------------------------------------------
# A test's archives: UNIT_<path below test/unit without .c> or, by default, those of its folder, UNIT_<folder>
UNIT_SRCS := $(shell find test/unit -name 'test_*.c' 2>/dev/null)
UNIT_TESTS := $(UNIT_SRCS:test/unit/%.c=$(B)/test/%)
UNIT_protos := $(B)/libprotos.a $(B)/libbase.a
UNIT_shim/base := $(B)/libbase.a
unit_deps = $(or $(UNIT_$(1)),$(UNIT_$(patsubst %/,%,$(dir $(1)))))
ALL_LIBS = $(GRPC_LIBS) $(PB_LIBS) $(YAML_LIBS) $(LMDB_LIBS) $(JSON_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS) $(MHD_LIBS) \
  $(SSL_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
.SECONDEXPANSION:
$(UNIT_TESTS): $(B)/test/%: $(B)/obj/test/unit/%.c.o $$(call unit_deps,$$*)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)

# ---- libfcc from within the tree: the same that `make install` gives, where it was built --------------------------------
PC_FILES := $(B)/pkgconfig/fcc.pc $(B)/pkgconfig/fcc-test.pc
$(B)/pkgconfig/%.pc: Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|^libdir=.*|libdir=$(abspath $(B))|' \
	  -e 's|^includedir=.*|includedir=$(abspath shim/include)|' \
	  -e 's|@GRPC@|$(FCC_GRPC)|' \
	  -e 's|^Libs.private:|& $(filter -fsanitize=%,$(OPT))|' $(filter %.pc.in,$^) >$@
$(B)/pkgconfig/fcc.pc: shim/fcc.pc.in
$(B)/pkgconfig/fcc-test.pc: network/testing/fcc-test.pc.in

# ---- what people type ------------------------------------------------------------------------------------------------
# test and run first install what is missing, as ./run does; a second make then sees the packages
JOBS := $(shell nproc 2>/dev/null || echo 2)
deps = $(Q)[ -n "$(MEDSYNC_DEPS)" ] || ./run deps
again = $(Q)$(MAKE) --no-print-directory -j$(JOBS) MEDSYNC_DEPS=done

.PHONY: all test run check check-all clean install help man unit-tests shim-tests
all: $(ARCHIVES) $(PC_FILES) $(PROGRAMS:%=build/bin/%) $(LIBRARIES)

unit-tests: $(UNIT_TESTS) $(TEST_PROGRAMS)
shim-tests: $(filter $(B)/test/shim/%,$(UNIT_TESTS)) # those that make sense under the thread sanitizer

test:
	$(deps)
	$(again) all unit-tests
	$(Q)BUILD=$(B) CC="$(CC)" test/run.sh

run:
	$(deps)
	$(again) all
	$(Q)build/bin/medsync demo --keep --replace --dir build/devnet $(if $(BUNDLE),--bundle "$(BUNDLE)")

check: all
	$(Q)for t in test/check/*.sh; do BUILD=$(B) CC="$(CC)" $$t || exit 1; done

# What takes long, part by part; CHECKS=PART... for some of them (test/check-all.sh says which there are)
check-all:
	$(deps)
	$(Q)MAKE="$(MAKE)" CC="$(CC)" BUILD=$(B) test/check-all.sh $(CHECKS)

# manual pages, out of what --help says
MAN := $(B)/share/man
$(MAN)/made: $(B)/bin/medsync $(B)/bin/fcc-host docs/man/help.awk docs/man/medsync.more
	$(call say,MAN,$(MAN))
	$(Q)rm -rf $(MAN) && mkdir -p $(MAN)/man1 $(MAN)/man8
	$(Q)VERSION=$(VERSION) RELEASED=$(RELEASED) docs/man/make.sh $(B)/bin $(MAN)
	$(Q)touch $@
man: $(MAN)/made

# the pieces that programs look up beside their bin folder go to share/medsync
SHARED_FILES := network/network.yaml network/fabric/core.yaml network/fabric/orderer.yaml $(wildcard chaincode/*/collections.json)
install: all man
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/include/fcc" "$(DESTDIR)$(PREFIX)/lib/pkgconfig"
	install -m 755 $(PROGRAMS:%=$(B)/bin/%) "$(DESTDIR)$(PREFIX)/bin"
	for f in $(LIBRARIES:$(B)/%=%); do install -D -m 755 $(B)/$$f "$(DESTDIR)$(PREFIX)/$$f" || exit 1; done
	install -m 644 shim/include/fcc/*.h "$(DESTDIR)$(PREFIX)/include/fcc"
	install -m 644 $(B)/libfcc.a $(B)/libfcc-test.a "$(DESTDIR)$(PREFIX)/lib"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@GRPC@|$(FCC_GRPC)|' shim/fcc.pc.in >"$(DESTDIR)$(PREFIX)/lib/pkgconfig/fcc.pc"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' network/testing/fcc-test.pc.in >"$(DESTDIR)$(PREFIX)/lib/pkgconfig/fcc-test.pc"
	for f in $(SHARED_FILES); do install -D -m 644 $$f "$(DESTDIR)$(PREFIX)/share/medsync/$$f" || exit 1; done
	for f in $(MAN)/man[18]/*; do install -D -m 644 $$f "$(DESTDIR)$(PREFIX)/share/man/$${f#$(MAN)/}" || exit 1; done
	install -D -m 644 completions/medsync.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/medsync"

# containers: docs/containers.md
.PHONY: image base-image
image:
	$(Q)VERSION=$(VERSION) docker/image.sh $(IMAGE_ARGS)
base-image:
	$(Q)docker/base-image.sh

clean:
	rm -rf build

help:
	@sed -n '2,13s/^# \{0,1\}//p' Makefile

-include $(shell find $(B) -name '*.d' 2>/dev/null)
