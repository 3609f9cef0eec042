/* Sends one HTTP request at a constant rate, whatever the answers do, and tells how long each answer took.
 *
 *     rate PORT CONNECTIONS RATE SECONDS REQUEST [IDS]
 *
 * REQUEST is a file that holds the request as it goes over the wire. Each of them is due at a moment fixed beforehand
 * and its latency is counted from that moment, also while no connection is free: a server that stalls does not slow
 * its own load down. wrk has connections, not a rate. With IDS, the x-amzn-requestid of every 2xx answer is appended to
 * that file as soon as it is read; the program then ends quietly when the server goes away.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_SIZE 65536

struct connection {
    int socket, waiting;
    int64_t due;
    size_t filled;
    char answer[ANSWER_SIZE + 1];
};

static struct connection *connections, **idle;
static int64_t *latencies;
static int idle_count, ids = -1;
static long total, answered, failed;
static char *request;
static size_t request_size;

static int64_t now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec * 1000000000LL + moment.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void the_server_went(void) {
    if (ids >= 0) exit(0); /* it was killed, as was to be */
    fail("the server closed a connection");
}

static void open_connection(struct connection *connection, int port, int epoll) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int yes = 1;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->socket, &event) < 0) fail("epoll_ctl");
    idle[idle_count++] = connection;
}

/* Puts the request whose turn it is on a connection that has none. */
static void begin(struct connection *connection, int64_t due) {
    connection->waiting = 1;
    connection->due = due;
    connection->filled = 0;
    /* Smaller than any socket buffer, on a connection that is idle: it goes out whole. */
    if (write(connection->socket, request, request_size) != (ssize_t)request_size) the_server_went();
}

/* Notes a 2xx answer's id; one that was not written whole counts as never told. */
static void note_id(const char *head) {
    const char *id = strcasestr(head, "\r\nx-amzn-requestid: ");
    if (ids < 0 || !id) return;
    char line[37];
    memcpy(line, id + 20, 36);
    line[36] = '\n';
    if (write(ids, line, sizeof line) != sizeof line) fail("ids");
}

/* Returns whether the whole answer has arrived. */
static int is_whole(struct connection *connection) {
    connection->answer[connection->filled] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(connection->answer, "\r\ncontent-length: ");
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return connection->filled >= (size_t)(end + 4 - connection->answer) + body;
}

static void receive(struct connection *connection) {
    ssize_t got = read(connection->socket, connection->answer + connection->filled, ANSWER_SIZE - connection->filled);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || !connection->waiting) the_server_went();
    connection->filled += got;
    if (!is_whole(connection)) return;
    if (connection->answer[9] == '2') note_id(connection->answer);
    else failed++;
    latencies[answered++] = now() - connection->due;
    connection->waiting = 0;
    idle[idle_count++] = connection;
}

static int in_order(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void read_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    request = malloc(ANSWER_SIZE);
    request_size = fread(request, 1, ANSWER_SIZE, file);
    fclose(file);
}

static void run(int epoll, int timer, double per_second) {
    struct epoll_event events[64];
    int64_t began = now(), last = 0;
    long sent = 0;
    while (answered < total) {
        int64_t moment = now();
        while (sent < total && idle_count) {
            int64_t due = began + (int64_t)(sent * 1e9 / per_second);
            if (due > moment) {
                struct itimerspec at = {.it_value = {due / 1000000000LL, due % 1000000000LL}};
                timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
                break;
            }
            begin(idle[--idle_count], due);
            sent++;
        }
        int count = epoll_wait(epoll, events, 64, 10000);
        if (count == 0) {
            fprintf(stderr, "no answer for ten seconds\n");
            exit(1);
        }
        for (int n = 0; n < count; n++) {
            uint64_t expired;
            if (events[n].data.ptr) receive(events[n].data.ptr);
            else if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN) fail("timer");
        }
        last = now();
    }
    qsort(latencies, answered, sizeof *latencies, in_order);
    printf("median_ms %.3f p99_ms %.3f worst_ms %.3f per_second %.1f requests %ld failures %ld\n",
           latencies[answered / 2] / 1e6, latencies[answered * 99 / 100] / 1e6, latencies[answered - 1] / 1e6,
           answered * 1e9 / (last - began), answered, failed);
}

int main(int count, char **words) {
    if (count < 6) {
        fprintf(stderr, "usage: rate PORT CONNECTIONS RATE SECONDS REQUEST [IDS]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int open = atoi(words[2]), epoll = epoll_create1(EPOLL_CLOEXEC);
    double per_second = atof(words[3]);
    total = (long)(per_second * atof(words[4]));
    read_request(words[5]);
    if (count > 6 && (ids = creat(words[6], 0600)) < 0) fail(words[6]);
    connections = calloc(open, sizeof *connections);
    idle = calloc(open, sizeof *idle);
    latencies = calloc(total, sizeof *latencies);
    for (int n = 0; n < open; n++) open_connection(&connections[n], atoi(words[1]), epoll);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) < 0) fail("epoll_ctl");
    run(epoll, timer, per_second);
    return 0;
}
