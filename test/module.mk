# Test programs that scripts run: the replay of recordings.
$(eval $(call archive,conformance,test/conformance))
$(B)/conformance/replay: $(B)/libconformance.a $(RPC) $(B)/libprotos.a $(B)/libbase.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libconformance.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(GRPC_LIBS) $(PB_LIBS) $(CRYPTO_LIBS)
unit-tests: $(B)/conformance/replay

# make bench: what a chaincode process costs, beside the bare protocol loop.
$(eval $(call archive,load,test/bench))
$(B)/bench/load: $(B)/libload.a $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libload.a $(RPC) $(GRPC_LIBS) $(CRYPTO_LIBS)
.PHONY: bench
bench: all $(B)/bench/load
	$(Q)BUILD=$(B) test/bench/chaincode.sh
