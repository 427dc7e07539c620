// A link of limited speed before a server on loopback: every request waits LATENCY before it is passed on, all answers together keep within the
// bandwidth. Bytes move by splice, so that the link itself costs next to nothing.
// cold-link UPSTREAM_PORT BYTES_PER_SECOND LATENCY_MICROSECONDS — prints the port it listens on; ends with the end of its stdin.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES (256 * 1024)

static uint16_t upstream_port;
static double nanoseconds_per_byte;
static int64_t latency_ns;
static pthread_mutex_t paid_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t paid_until_ns;

struct pair {
  int client;
  int server;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(int64_t ns) {
  const struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
  }
}

// The moment at which the link has carried these bytes after all that were before them.
static int64_t pay(size_t bytes) {
  pthread_mutex_lock(&paid_lock);
  const int64_t now = now_ns();
  if (paid_until_ns < now) paid_until_ns = now;
  paid_until_ns += (int64_t)((double)bytes * nanoseconds_per_byte);
  const int64_t until = paid_until_ns;
  pthread_mutex_unlock(&paid_lock);
  return until;
}

static void no_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Answers: what has come goes into the pipe, waits for its turn on the link, and leaves.
static void *carry_answers(void *argument) {
  const struct pair pair = *(struct pair *)argument;
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) die("pipe");
  fcntl(pipe_fds[1], F_SETPIPE_SZ, PIECE_BYTES);
  for (;;) {
    ssize_t have = splice(pair.server, NULL, pipe_fds[1], NULL, PIECE_BYTES, SPLICE_F_MOVE);
    if (have <= 0) break;
    sleep_until(pay((size_t)have));
    while (have > 0) {
      const ssize_t n = splice(pipe_fds[0], NULL, pair.client, NULL, (size_t)have, SPLICE_F_MOVE);
      if (n <= 0) break;
      have -= n;
    }
    if (have > 0) break;
  }
  shutdown(pair.client, SHUT_RDWR);
  shutdown(pair.server, SHUT_RDWR);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
  return NULL;
}

// Requests: a GET comes in one piece, so holding the piece holds the first byte of its answer.
static void *serve(void *argument) {
  struct pair *pair = argument;
  pthread_t answers;
  if (pthread_create(&answers, NULL, carry_answers, pair) != 0) die("pthread_create");
  char buffer[65536];
  for (;;) {
    const ssize_t have = recv(pair->client, buffer, sizeof buffer, 0);
    if (have <= 0) break;
    sleep_until(now_ns() + latency_ns);
    ssize_t sent = 0;
    while (sent < have) {
      const ssize_t n = send(pair->server, buffer + sent, (size_t)(have - sent), MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += n;
    }
    if (sent < have) break;
  }
  shutdown(pair->client, SHUT_RDWR);
  shutdown(pair->server, SHUT_RDWR);
  pthread_join(answers, NULL);
  close(pair->client);
  close(pair->server);
  free(pair);
  return NULL;
}

static void *end_with_parent(void *unused) {
  (void)unused;
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  exit(0);
}

static int to_upstream(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(upstream_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
  no_delay(fd);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: cold-link UPSTREAM_PORT BYTES_PER_SECOND LATENCY_MICROSECONDS\n");
    return 64;
  }
  signal(SIGPIPE, SIG_IGN);
  upstream_port = (uint16_t)atoi(argv[1]);
  nanoseconds_per_byte = 1e9 / atof(argv[2]);
  latency_ns = (int64_t)(atof(argv[3]) * 1000);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 128) != 0) die("listen");
  if (getsockname(listener, (struct sockaddr *)&at, &size) != 0) die("getsockname");
  printf("%u\n", ntohs(at.sin_port));
  fflush(stdout);
  pthread_t guard;
  if (pthread_create(&guard, NULL, end_with_parent, NULL) != 0) die("pthread_create");
  for (;;) {
    const int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) continue;
    no_delay(client);
    struct pair *pair = malloc(sizeof *pair);
    if (pair == NULL) die("malloc");
    *pair = (struct pair){.client = client, .server = to_upstream()};
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, pair) != 0) die("pthread_create");
    pthread_detach(thread);
  }
}
