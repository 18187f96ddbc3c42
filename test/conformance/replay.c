/*
 * replay.c: plays the peer of a recording to a real chaincode process, over gRPC, and compares every message that comes
 * back with the recorded one, byte for byte.
 *
 *     replay [--client] [--mutual-tls] EXECUTABLE FOLDER      one recording; prints TAP
 *
 * Messages go to the chaincode in the recorded order; before each, everything that the recording has before it must have
 * come back. So conversations that ran side by side in the recording do so here. Each package id in the recording is one
 * process of EXECUTABLE, to which a connection is made for each stream. With --client it is the other way round: we
 * listen as a peer does for the chaincode that it launched, and each stream is a process that was told our address.
 */
#include "recording.h"

#include "rpc/rpc.h"
#include "test/support/certs.h"
#include "test/support/port.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STREAMS = 32, MAX_PROCESSES = MAX_STREAMS };

/* How long a message may take that was recorded; $REPLAY_PATIENCE_MS. */
static int patience_ms = 20000;

struct process {
    char ccid[256];
    pid_t pid;
    int port;
    bool ended;
    int status; /* of waitpid, once ended */
    rpc_channel *channel;
};

struct arrived {
    struct arrived *next;
    fcc_bytes message;
};

struct conversation {
    int stream;
    fcc_bytes txid;
    struct arrived *first, *last;
    bool failed;
    size_t lines;
    size_t batches_open; /* batch messages since the last other one */
    flush_set expected, actual;
};

struct stream {
    struct replay *replay;
    int number;
    struct process *process;
    rpc_call *call;
    bool closed;
    bool ending; /* by us */
};

struct replay {
    recording rec;
    rpc_loop *loop;
    struct process processes[MAX_PROCESSES];
    size_t process_count;
    struct stream streams[MAX_STREAMS];
    size_t stream_count;
    struct conversation *conversations;
    size_t conversation_count;
    size_t unexpected;
    size_t compared[MAX_TYPES];
    bool tls;
    bool client_mode;
    rpc_server *listener; /* client mode, as the next three */
    int server_port;
    struct stream *awaited; /* whose process was started and has not called yet */
    struct stream nobody;   /* calls that no stream of the recording waits for */
    char dir[64];           /* certificates */
    test_cert ca, server, client;
};

static int tests, failures;

/* By the clock: a loop's poll returns at each event, however soon. */
static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t patience_ends(void)
{
    return now_ms() + patience_ms;
}

static void tap(bool ok, const char *what, const char *folder, bool client_mode, bool tls)
{
    const char *name = strrchr(folder, '/');

    printf("%sok %d - %s, %s%s: %s\n", ok ? "" : "not ", ++tests, name ? name + 1 : folder,
           client_mode ? "client mode, " : "", tls ? "mutual TLS" : "plaintext", what);
    failures += !ok;
}

/* ---- conversations ---- */

static struct conversation *find(struct replay *r, int stream, fcc_bytes txid)
{
    for (size_t i = 0; i < r->conversation_count; i++)
        if (r->conversations[i].stream == stream && fcc_bytes_equal(r->conversations[i].txid, txid))
            return &r->conversations[i];
    return NULL;
}

static void list_conversations(struct replay *r)
{
    r->conversations = calloc(r->rec.count + 1, sizeof(*r->conversations));
    for (size_t i = 0; i < r->rec.count; i++) {
        const recorded *line = &r->rec.lines[i];
        struct conversation *c = find(r, line->stream, line->txid);

        if (!c) {
            c = &r->conversations[r->conversation_count++];
            c->stream = line->stream;
            c->txid = line->txid;
        }
        c->lines++;
    }
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct stream *s = ctx;
    struct replay *r = s->replay;
    struct arrived *a = calloc(1, sizeof(*a));
    struct conversation *c = NULL;
    int type;
    fcc_bytes txid;

    (void)call;
    if (s == &r->nobody) {
        free(a);
        return;
    }
    if (!a || !fcc__arena_copy(r->rec.arena, message, &a->message))
        abort();
    if (message_head(r->rec.arena, a->message, &type, &txid))
        c = find(r, s->number, txid);
    if (!c) {
        printf("# stream %d: a message that belongs to no recorded conversation, %zu bytes\n", s->number, message.len);
        r->unexpected++;
        free(a);
        return;
    }
    if (c->last)
        c->last->next = a;
    else
        c->first = a;
    c->last = a;
    rpc_loop_stop(r->loop);
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct stream *s = ctx;

    (void)call;
    if (s == &s->replay->nobody)
        return;
    s->closed = true;
    s->call = NULL;
    if (!s->ending)
        printf("# stream %d ended: %s " FCC_FMT "\n", s->number, rpc_code_name(status->code), FCC_ARG(status->message));
    rpc_loop_stop(s->replay->loop);
}

/* Client mode: the chaincode has said all. A peer ends the stream then. */
static void on_half_close(rpc_call *call, void *ctx)
{
    (void)ctx;
    rpc_finish(call, RPC_OK, (fcc_bytes){ NULL, 0 }, (fcc_bytes){ NULL, 0 });
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };
static const rpc_events dialled_events = { .on_message = on_message,
                                           .on_half_close = on_half_close,
                                           .on_closed = on_closed };

/* Client mode: a chaincode has dialled. */
static const rpc_events *on_dialled(rpc_call *call, void *ctx, void **call_ctx)
{
    struct replay *r = ctx;
    struct stream *s = r->awaited ? r->awaited : &r->nobody;

    r->awaited = NULL;
    s->call = call;
    s->closed = false;
    *call_ctx = s;
    rpc_loop_stop(r->loop);
    return &dialled_events;
}

/* The flush of a write batch is whole: compare it. */
static void end_flush(struct conversation *c)
{
    if (c->batches_open && !c->failed && !flush_equal(c->txid, &c->expected, &c->actual))
        c->failed = true;
    c->batches_open = 0;
    flush_clear(&c->expected);
    flush_clear(&c->actual);
}

static void compare(struct replay *r, struct conversation *c, const recorded *line, fcc_bytes actual)
{
    int expected_type = 0, type = 0;
    fcc_bytes txid;
    char what[300];

    if (!message_head(r->rec.arena, line->message, &expected_type, &txid) ||
        !message_head(r->rec.arena, actual, &type, &txid)) {
        c->failed = true;
        return;
    }
    if (message_is_batch(r->rec.arena, line->message) && message_is_batch(r->rec.arena, actual)) {
        c->batches_open++;
        if (!flush_add(r->rec.arena, &c->expected, line->message) || !flush_add(r->rec.arena, &c->actual, actual))
            c->failed = true;
    } else {
        end_flush(c);
        if (!fcc_bytes_equal(line->message, actual)) {
            snprintf(what, sizeof(what), "line %zu, %s%s%s", line->line, message_type_name(expected_type),
                     type == expected_type ? "" : ", ours is ", type == expected_type ? "" : message_type_name(type));
            print_difference(what, line->txid, line->message, actual);
            c->failed = true;
        }
    }
    if (!c->failed && expected_type >= 0 && expected_type < MAX_TYPES)
        r->compared[expected_type]++;
}

/* A process that died does not answer: do not wait for it. */
static bool alive(struct process *p)
{
    if (!p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid) {
        p->ended = true;
        printf("# %s ended with status 0x%x\n", p->ccid, (unsigned)p->status);
    }
    return !p->ended;
}

static void expect(struct replay *r, struct stream *s, struct conversation *c, const recorded *line)
{
    struct arrived *a;

    for (int64_t until = patience_ends(); !c->first && !s->closed && now_ms() < until;) {
        rpc_loop_poll(r->loop, 100);
        if (!c->first && !alive(s->process))
            break;
    }
    a = c->first;
    if (!a) {
        printf("# line %zu: " FCC_FMT " of tx " FCC_FMT " was recorded, nothing came%s\n", line->line,
               FCC_ARG(line->type), FCC_ARG(line->txid), s->closed ? ": the stream has ended" : "");
        c->failed = true;
        return;
    }
    c->first = a->next;
    if (!c->first)
        c->last = NULL;
    compare(r, c, line, a->message);
    free(a);
}

/* ---- processes ---- */

static void write_pem(const struct replay *r, const char *name, fcc_bytes pem)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", r->dir, name);
    file = fopen(path, "w");
    if (!file || fwrite(pem.data, 1, pem.len, file) != pem.len || fclose(file))
        abort();
}

static void make_certificates(struct replay *r)
{
    snprintf(r->dir, sizeof(r->dir), "/tmp/replay.XXXXXX");
    if (!mkdtemp(r->dir))
        abort();
    r->ca = test_cert_make("ca", NULL);
    r->server = test_cert_make("chaincode.test", &r->ca);
    r->client = test_cert_make("peer.test", &r->ca);
    write_pem(r, "ca.pem", r->ca.cert_pem);
    write_pem(r, "cert.pem", r->server.cert_pem);
    write_pem(r, "key.pem", r->server.key_pem);
}

static void remove_certificates(struct replay *r)
{
    static const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };
    char path[128];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", r->dir, names[i]);
        unlink(path);
    }
    rmdir(r->dir);
    test_cert_clear(&r->ca);
    test_cert_clear(&r->server);
    test_cert_clear(&r->client);
}

static void set_files(const struct replay *r, const char *const files[][2], size_t count)
{
    char path[128];

    for (size_t i = 0; r->tls && i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", r->dir, files[i][1]);
        setenv(files[i][0], path, 1);
    }
}

/* The child: the environment that a peer gives, or an operator. */
static void become(const struct replay *r, const struct process *p, const char *executable)
{
    static const char *const server_files[][2] = { { "CHAINCODE_TLS_KEY", "key.pem" },
                                                   { "CHAINCODE_TLS_CERT", "cert.pem" },
                                                   { "CHAINCODE_CLIENT_CA_CERT", "ca.pem" } };
    static const char *const client_files[][2] = { { "CORE_TLS_CLIENT_KEY_FILE", "key.pem" },
                                                   { "CORE_TLS_CLIENT_CERT_FILE", "cert.pem" },
                                                   { "CORE_PEER_TLS_ROOTCERT_FILE", "ca.pem" } };
    char address[64];
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(address, sizeof(address), "127.0.0.1:%d", r->client_mode ? r->server_port : p->port);
    setenv("CORE_PEER_LOCALMSPID", "Org1MSP", 1);
    if (r->client_mode) {
        setenv("CORE_CHAINCODE_ID_NAME", p->ccid, 1);
        setenv("CORE_PEER_TLS_ENABLED", r->tls ? "true" : "false", 1);
        set_files(r, client_files, 3);
        execl(executable, executable, "-peer.address", address, (char *)NULL);
    } else {
        setenv("CHAINCODE_SERVER_ADDRESS", address, 1);
        setenv("CHAINCODE_ID", p->ccid, 1);
        setenv("CHAINCODE_TLS_DISABLED", r->tls ? "false" : "true", 1);
        set_files(r, server_files, 3);
        execl(executable, executable, (char *)NULL);
    }
    _exit(127);
}

static struct process *start_process(struct replay *r, fcc_bytes ccid, const char *executable)
{
    struct process *p;

    if (r->process_count == MAX_PROCESSES || ccid.len >= sizeof(p->ccid))
        return NULL;
    p = &r->processes[r->process_count++];
    memcpy(p->ccid, ccid.data, ccid.len);
    p->port = r->client_mode ? 0 : test_port();
    fflush(stdout);
    p->pid = fork();
    if (p->pid == 0)
        become(r, p, executable);
    p->ended = p->pid < 0;
    return p->ended ? NULL : p;
}

/* Server mode: the process that has this package id. */
static struct process *process_for(struct replay *r, fcc_bytes ccid, const char *executable)
{
    rpc_tls tls = { .cert = r->client.cert_pem, .key = r->client.key_pem, .ca = r->ca.cert_pem };
    struct process *p;
    char address[64];
    fcc_error error;

    for (size_t i = 0; i < r->process_count; i++)
        if (fcc_bytes_equal(ccid, fcc_str(r->processes[i].ccid)))
            return &r->processes[i];
    p = start_process(r, ccid, executable);
    if (!p)
        return NULL;
    snprintf(address, sizeof(address), "127.0.0.1:%d", p->port);
    if (rpc_channel_new(r->loop, address, r->tls ? &tls : NULL, &p->channel, &error) != FCC_OK)
        return NULL;
    return p;
}

/* Client mode: what chaincode dials. */
static void listen_as_peer(struct replay *r)
{
    rpc_tls tls = { .cert = r->server.cert_pem, .key = r->server.key_pem, .ca = r->ca.cert_pem };
    fcc_error error;

    r->nobody.replay = r;
    if (rpc_server_new(r->loop, &r->listener, &error) != FCC_OK ||
        rpc_server_method(r->listener, "/protos.ChaincodeSupport/Register", on_dialled, r) != FCC_OK ||
        rpc_server_listen(r->listener, "127.0.0.1:0", r->tls ? &tls : NULL, &r->server_port, &error) != FCC_OK ||
        rpc_server_start(r->listener) != FCC_OK)
        abort();
}

/* Asks each to end, as an operator would: it must, with status 0. */
static bool end_processes(struct replay *r)
{
    bool good = true;

    for (size_t i = 0; i < r->process_count; i++) {
        struct process *p = &r->processes[i];

        rpc_channel_free(p->channel);
        if (!alive(p)) {
            good = false;
            continue;
        }
        kill(p->pid, SIGTERM);
        for (int64_t until = patience_ends();
             !(p->ended = waitpid(p->pid, &p->status, WNOHANG) != 0) && now_ms() < until;)
            rpc_loop_poll(r->loop, 10);
        if (!p->ended) {
            printf("# %s does not end on SIGTERM\n", p->ccid);
            kill(p->pid, SIGKILL);
            waitpid(p->pid, &p->status, 0);
            good = false;
        } else if (!WIFEXITED(p->status) || WEXITSTATUS(p->status)) {
            printf("# %s ended with status 0x%x\n", p->ccid, (unsigned)p->status);
            good = false;
        }
    }
    return good;
}

/* ---- streams ---- */

static void connect_to_process(struct replay *r, struct stream *s, fcc_bytes ccid, const char *executable)
{
    s->process = process_for(r, ccid, executable);
    if (s->process &&
        rpc_open(s->process->channel, "/protos.Chaincode/Connect", -1, true, &events, s, &s->call) == FCC_OK)
        s->closed = false;
}

static void await_process(struct replay *r, struct stream *s, fcc_bytes ccid, const char *executable)
{
    s->process = start_process(r, ccid, executable);
    r->awaited = s->process ? s : NULL;
    for (int64_t until = patience_ends(); r->awaited && now_ms() < until && alive(s->process);)
        rpc_loop_poll(r->loop, 100);
    r->awaited = NULL;
}

/* A stream begins with the recorded REGISTER, which says whose it is. */
static struct stream *open_stream(struct replay *r, int number, const char *executable)
{
    struct stream *s;
    fcc_bytes ccid;

    for (size_t i = 0; i < r->stream_count; i++)
        if (r->streams[i].number == number)
            return &r->streams[i];
    if (r->stream_count == MAX_STREAMS)
        return NULL;
    s = &r->streams[r->stream_count++];
    *s = (struct stream){ .replay = r, .number = number, .closed = true };
    for (size_t i = 0; i < r->rec.count; i++) {
        const recorded *line = &r->rec.lines[i];

        if (line->stream != number || line->to_chaincode || !message_ccid(r->rec.arena, line->message, &ccid))
            continue;
        if (r->client_mode)
            await_process(r, s, ccid, executable);
        else
            connect_to_process(r, s, ccid, executable);
        break;
    }
    return s;
}

/* The end of our side; the chaincode must have nothing left to say. */
static void close_streams(struct replay *r)
{
    for (size_t i = 0; i < r->stream_count; i++) {
        struct stream *s = &r->streams[i];

        s->ending = true;
        if (!s->closed && r->client_mode)
            rpc_finish(s->call, RPC_OK, (fcc_bytes){ NULL, 0 }, (fcc_bytes){ NULL, 0 });
        else if (!s->closed)
            rpc_half_close(s->call);
        for (int64_t until = patience_ends(); !s->closed && now_ms() < until;)
            rpc_loop_poll(r->loop, 100);
        if (!s->closed) {
            printf("# stream %d does not end when the peer ends it\n", s->number);
            rpc_cancel(s->call);
            while (!s->closed)
                rpc_loop_poll(r->loop, 100);
        }
    }
}

static void play(struct replay *r, const char *executable)
{
    for (size_t i = 0; i < r->rec.count; i++) {
        const recorded *line = &r->rec.lines[i];
        struct conversation *c = find(r, line->stream, line->txid);
        struct stream *s = open_stream(r, line->stream, executable);

        if (c->failed)
            continue;
        if (!s || !s->process) {
            c->failed = true;
        } else if (!line->to_chaincode) {
            expect(r, s, c, line);
        } else if (s->closed) {
            printf("# line %zu: stream %d has ended\n", line->line, line->stream);
            c->failed = true;
        } else if (rpc_send(s->call, line->message) != FCC_OK) {
            c->failed = true;
        }
    }
}

static size_t judge(struct replay *r)
{
    size_t good = 0;

    for (size_t i = 0; i < r->conversation_count; i++) {
        struct conversation *c = &r->conversations[i];

        end_flush(c);
        while (c->first) {
            struct arrived *next = c->first->next;

            printf("# tx " FCC_FMT ": a message that was not recorded, %zu bytes\n", FCC_ARG(c->txid),
                   c->first->message.len);
            c->failed = true;
            free(c->first);
            c->first = next;
        }
        good += !c->failed;
    }
    return good;
}

static void print_counts(const struct replay *r, const char *folder)
{
    const char *name = strrchr(folder, '/');
    size_t all = 0;

    printf("# %s, %s%s: compared", name ? name + 1 : folder, r->client_mode ? "client mode, " : "",
           r->tls ? "mutual TLS" : "plaintext");
    for (int t = 0; t < MAX_TYPES; t++)
        if (r->compared[t]) {
            printf(" %s %zu,", message_type_name(t), r->compared[t]);
            all += r->compared[t];
        }
    printf(" together %zu\n", all);
}

static void run(const char *executable, const char *folder, bool client_mode, bool tls)
{
    struct replay *r = calloc(1, sizeof(*r));
    fcc_error error = { FCC_OK, "" };
    char what[160];
    size_t good;
    bool ended;

    if (!r || recording_load(folder, &r->rec, &error) != FCC_OK) {
        printf("# %s\n", error.text);
        tap(false, "the recording can be read", folder, client_mode, tls);
        exit(1);
    }
    r->tls = tls;
    r->client_mode = client_mode;
    if (rpc_loop_new(&r->loop, &error) != FCC_OK)
        abort();
    if (tls)
        make_certificates(r);
    if (client_mode)
        listen_as_peer(r);
    list_conversations(r);
    play(r, executable);
    /* A chaincode that dials would come back when its stream ends: it is told to end first. */
    if (!client_mode)
        close_streams(r);
    for (size_t i = 0; i < r->stream_count; i++)
        r->streams[i].ending = true;
    ended = end_processes(r);
    if (client_mode)
        close_streams(r);
    good = judge(r);
    print_counts(r, folder);
    snprintf(what, sizeof(what), "%zu of %zu conversations say what was recorded", good, r->conversation_count);
    tap(r->conversation_count > 0 && good == r->conversation_count && !r->unexpected, what, folder, client_mode, tls);
    tap(ended, "the chaincode ends when it is asked to", folder, client_mode, tls);
    rpc_server_free(r->listener);
    rpc_loop_free(r->loop);
    if (tls)
        remove_certificates(r);
    free(r->conversations);
    recording_clear(&r->rec);
    free(r);
}

int main(int argc, char **argv)
{
    bool client_mode = false, tls = false;
    int at = 1;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--client") == 0)
            client_mode = true;
        else if (strcmp(argv[at], "--mutual-tls") == 0)
            tls = true;
        else
            break;
    }
    if (argc - at != 2) {
        fprintf(stderr, "usage: replay [--client] [--mutual-tls] EXECUTABLE FOLDER\n");
        return 2;
    }
    if (getenv("REPLAY_PATIENCE_MS"))
        patience_ms = atoi(getenv("REPLAY_PATIENCE_MS"));
    setvbuf(stdout, NULL, _IOLBF, 0);
    run(argv[at], argv[at + 1], client_mode, tls);
    return failures ? 1 : 0;
}
