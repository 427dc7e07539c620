// Ceiling of a cold read: N threads, one keep-alive connection each, send prepared GET requests and read the bodies into a buffer.
// cold-loader PORT CONNECTIONS FILE — FILE holds records "<body bytes> <head bytes>\n<head>". Prints {"seconds","bytes","cpuSeconds"}.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define BODY_MAX (64u << 20)
#define REQUESTS_MAX 65536

struct request {
  size_t body_bytes;
  size_t head_bytes;
  const char *head;
};
static struct request requests[REQUESTS_MAX];
static size_t request_count;
static atomic_size_t next_request;
static atomic_ullong bytes_read;
static uint16_t port;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void read_requests(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  size_t body = 0, head = 0;
  while (fscanf(file, "%zu %zu", &body, &head) == 2) {
    if (fgetc(file) != '\n' || request_count == REQUESTS_MAX || body > BODY_MAX) die("malformed requests");
    char *text = malloc(head);
    if (text == NULL || fread(text, 1, head, file) != head) die("malformed requests");
    requests[request_count++] = (struct request){.body_bytes = body, .head_bytes = head, .head = text};
  }
  fclose(file);
}

static int connected(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

// Reads one answer whole; what came with the head is already body.
static void read_answer(int fd, const struct request *request, char *body) {
  char head[HEAD_MAX + 1];
  size_t have = 0;
  char *end = NULL;
  while (end == NULL) {
    const ssize_t n = recv(fd, head + have, HEAD_MAX - have, 0);
    if (n <= 0) die("head");
    have += (size_t)n;
    head[have] = 0;
    end = memmem(head, have, "\r\n\r\n", 4);
  }
  *end = 0;
  const char *length = strcasestr(head, "\r\ncontent-length:");
  if (strncmp(head, "HTTP/1.1 20", 11) != 0 || length == NULL || strtoull(length + 17, NULL, 10) != request->body_bytes) {
    fprintf(stderr, "unexpected answer: %s\n", head);
    exit(1);
  }
  size_t at = have - (size_t)(end + 4 - head);
  memcpy(body, end + 4, at);
  while (at < request->body_bytes) {
    const ssize_t n = recv(fd, body + at, request->body_bytes - at, MSG_WAITALL);
    if (n <= 0) die("body");
    at += (size_t)n;
  }
  atomic_fetch_add(&bytes_read, at);
}

static void *load(void *unused) {
  (void)unused;
  char *body = malloc(BODY_MAX);
  if (body == NULL) die("malloc");
  const int fd = connected();
  for (;;) {
    const size_t i = atomic_fetch_add(&next_request, 1);
    if (i >= request_count) break;
    const struct request *request = &requests[i];
    if (send(fd, request->head, request->head_bytes, MSG_NOSIGNAL) != (ssize_t)request->head_bytes) die("send");
    read_answer(fd, request, body);
  }
  close(fd);
  free(body);
  return NULL;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: cold-loader PORT CONNECTIONS FILE\n");
    return 64;
  }
  port = (uint16_t)atoi(argv[1]);
  const int connections = atoi(argv[2]);
  read_requests(argv[3]);
  pthread_t threads[256];
  if (connections < 1 || connections > 256) return 64;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < connections; i++)
    if (pthread_create(&threads[i], NULL, load, NULL) != 0) die("pthread_create");
  for (int i = 0; i < connections; i++) pthread_join(threads[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"seconds\":%.6f,\"bytes\":%llu,\"cpuSeconds\":%.6f}\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
         (unsigned long long)atomic_load(&bytes_read), seconds(usage.ru_utime) + seconds(usage.ru_stime));
  return 0;
}
