/* three_orgs.h: the network.yaml of a small consortium: three organisations, each with an administrator and a user `u`. */
#ifndef TEST_SUPPORT_THREE_ORGS_H
#define TEST_SUPPORT_THREE_ORGS_H

static const char three_orgs_yaml[] =
    "channel: test\n"
    "batch: {timeout_ms: 20, max_message_count: 100, absolute_max_bytes: 10485760, preferred_max_bytes: 2097152}\n"
    "orderer: {name: Orderer, mspid: OrdererMSP, domain: o.example, node: o0, address: 127.0.0.1:7050}\n"
    "organisations:\n"
    "  - {name: A, mspid: AMSP, domain: a.example, peer: {name: peer0, address: 127.0.0.1:7051},\n"
    "     sites: [{gln: \"4012345000016\", type: office, region: DE-BE}],\n"
    "     users: [{name: Admin, kind: admin, role: admin, uid: uid-1, site: \"4012345000016\"}, {name: u, patient: "
    "true}]}\n"
    "  - {name: B, mspid: BMSP, domain: b.example, peer: {name: peer0, address: 127.0.0.1:7052},\n"
    "     sites: [{gln: \"4012345001013\", type: office, region: DE-BE}],\n"
    "     users: [{name: Admin, kind: admin, role: admin, uid: uid-2, site: \"4012345001013\"}, {name: u, patient: "
    "true}]}\n"
    "  - {name: C, mspid: CMSP, domain: c.example, peer: {name: peer0, address: 127.0.0.1:7053},\n"
    "     sites: [{gln: \"4012345002010\", type: office, region: DE-BE}],\n"
    "     users: [{name: Admin, kind: admin, role: admin, uid: uid-3, site: \"4012345002010\"}, {name: u, patient: "
    "true}]}\n";

#endif
