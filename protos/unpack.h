/*
 * unpack.h: the one way in which messages are read from the wire, and the one in which they are written.
 *
 * Reading follows protobuf-c's own descriptors and gives what its unpack gives, with limits: nesting, number of elements,
 * UTF-8 where Fabric has a string, and the cap of the caller's arena. What the field's type can't have written, and groups,
 * are kept as unknown fields, as Go's library does, where protobuf-c's refuses the message. protobuf-c's own overruns the stack at 20,000
 * levels of nesting, takes 450 MB for 10 MiB of empty elements, and copies every value.
 */
#ifndef FCC_PROTOS_UNPACK_H
#define FCC_PROTOS_UNPACK_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

enum {
    FCC__WIRE_MAX_DEPTH = 100,
    FCC__WIRE_MAX_ELEMENTS = 1 << 18, /* fields of all levels together; one costs up to 90 bytes when unpacked */
};

/*
 * Read one message.
 *
 * @param descriptor  of the message's type, for example &protos__chaincode_message__descriptor
 * @param wire        its bytes; borrowed until return (everything is copied)
 * @param arena       holds the message; freed with it, never by protobuf-c's free_unpacked
 * @param out         on FCC_OK the message, to be cast to its type
 *
 * @return FCC_OK
 *         FCC_ERR_PROTO  not a message of this type, or text that is not UTF-8, or nested too deeply
 *         FCC_ERR_LIMIT  too many elements, or more than the arena's cap
 */
fcc_status fcc__unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                       ProtobufCMessage **out) FCC_MUST_CHECK;

/* fcc__unpack with the cast: Protos__PutState *put; st = FCC__UNPACK(protos__put_state, wire, arena, &put); */
#define FCC__UNPACK(type, wire, arena, out) \
    fcc__unpack(&type##__descriptor, wire, arena, (ProtobufCMessage **)(void *)(out))

/*
 * The same without a limit on elements, only the arena's: for what has been endorsed and ordered, and has to be read. As
 * much as a hundred times the bytes of the wire may be needed.
 */
fcc_status fcc__unpack_any(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                           ProtobufCMessage **out) FCC_MUST_CHECK;
#define FCC__UNPACK_ANY(type, wire, arena, out) \
    fcc__unpack_any(&type##__descriptor, wire, arena, (ProtobufCMessage **)(void *)(out))

/* The same, but `bytes` and unknown fields are not copied: `wire` must live as long as the message. */
fcc_status fcc__unpack_borrowed(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                                ProtobufCMessage **out) FCC_MUST_CHECK;
#define FCC__UNPACK_BORROWED(type, wire, arena, out) \
    fcc__unpack_borrowed(&type##__descriptor, wire, arena, (ProtobufCMessage **)(void *)(out))

/* Write a message into the arena. FCC_ERR_LIMIT past its cap. The bytes are those that Go's library would write. */
fcc_status fcc__pack(const void *message, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;

static inline ProtobufCBinaryData fcc__pb(fcc_bytes b)
{
    ProtobufCBinaryData d;

    d.len = b.len;
    d.data = (uint8_t *)(uintptr_t)b.data; /* protobuf-c only reads what is packed */
    return d;
}

static inline fcc_bytes fcc__of_pb(ProtobufCBinaryData d)
{
    return fcc_bytes_of(d.data, d.len);
}

#endif
