// The client that reads from both servers of the data-plane bench: one thread per connection, one request in flight each, received into one buffer.
// data-client CONNECTIONS READ_BYTES FILE_BYTES FILE_ID_HEX MILLISECONDS FIRST_ID: connections are inherited as descriptors 3, 4, …, already greeted.
// Prints {"seconds","bytes","requests","p50Us","p99Us"}.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 72
#define FRAME_LENGTH (REQUEST_BYTES - 4)
#define SAMPLES_MAX (1u << 20)
#define LAST 1

struct chunk {
  uint64_t request_id;
  uint16_t status, flags;
  uint32_t length;
};
struct reader {
  int socket;
  uint64_t requests, bytes;
  uint32_t *samples;
  uint64_t random;
};

static uint32_t read_bytes;
static uint64_t slots, first_id = 1;
static unsigned char file_id[16];
static double run_seconds;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t next_random(struct reader *reader) {
  reader->random ^= reader->random << 13;
  reader->random ^= reader->random >> 7;
  reader->random ^= reader->random << 17;
  return reader->random;
}

static void fail(const char *what) {
  fprintf(stderr, "data-client: %s\n", what);
  exit(1);
}

static void receive(int socket, void *into, size_t length) {
  if (recv(socket, into, length, MSG_WAITALL) != (ssize_t)length) fail("the connection ended");
}

static void read_once(struct reader *reader, unsigned char *into, uint64_t id) {
  unsigned char request[REQUEST_BYTES] = {FRAME_LENGTH, 0, 0, 0, 1};
  uint64_t offset = next_random(reader) % slots * read_bytes;
  memcpy(request + 8, &id, 8);
  memcpy(request + 24, file_id, 16);
  memcpy(request + 56, &offset, 8);
  memcpy(request + 64, &read_bytes, 4);
  if (send(reader->socket, request, sizeof request, MSG_NOSIGNAL) != (ssize_t)sizeof request) fail("the server takes no request");
  for (uint32_t received = 0;;) {
    struct chunk chunk;
    receive(reader->socket, &chunk, sizeof chunk);
    if (chunk.request_id != id || chunk.status != 0 || chunk.length > read_bytes - received) fail("an unexpected reply");
    if (chunk.length > 0) receive(reader->socket, into + received, chunk.length);
    received += chunk.length;
    if ((chunk.flags & LAST) == 0) continue;
    if (received != read_bytes) fail("a short reply");
    return;
  }
}

static void *run(void *argument) {
  struct reader *reader = argument;
  unsigned char *into = malloc(read_bytes);
  if (into == NULL) fail("no memory");
  memset(into, 0, read_bytes);
  double start = now(), at = start;
  for (uint64_t id = first_id; at - start < run_seconds; id++) {
    read_once(reader, into, id);
    double done = now();
    if (reader->requests < SAMPLES_MAX) reader->samples[reader->requests] = (uint32_t)((done - at) * 1e7);
    reader->requests++;
    reader->bytes += read_bytes;
    at = done;
  }
  return NULL;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  if (count != 7) return fprintf(stderr, "usage: data-client CONNECTIONS READ_BYTES FILE_BYTES FILE_ID_HEX MILLISECONDS FIRST_ID\n"), 64;
  int connections = atoi(arguments[1]);
  read_bytes = (uint32_t)strtoul(arguments[2], NULL, 10);
  slots = strtoull(arguments[3], NULL, 10) / read_bytes;
  for (int i = 0; i < 16; i++) sscanf(arguments[4] + 2 * i, "%2hhx", &file_id[i]);
  run_seconds = atof(arguments[5]) / 1000;
  first_id = strtoull(arguments[6], NULL, 10);
  struct reader *readers = calloc((size_t)connections, sizeof *readers);
  pthread_t *threads = calloc((size_t)connections, sizeof *threads);
  double start = now();
  for (int i = 0; i < connections; i++) {
    readers[i] = (struct reader){.socket = 3 + i, .samples = malloc(SAMPLES_MAX * sizeof(uint32_t)), .random = 88172645463325252ull + (uint64_t)i * 7919};
    if (readers[i].samples == NULL || pthread_create(&threads[i], NULL, run, &readers[i]) != 0) fail("no thread");
  }
  uint64_t bytes = 0, requests = 0, samples = 0;
  for (int i = 0; i < connections; i++) pthread_join(threads[i], NULL);
  double seconds = now() - start;
  for (int i = 0; i < connections; i++) {
    bytes += readers[i].bytes;
    requests += readers[i].requests;
    samples += readers[i].requests < SAMPLES_MAX ? readers[i].requests : SAMPLES_MAX;
  }
  uint32_t *all = malloc((samples + 1) * sizeof *all);
  if (all == NULL) fail("no memory");
  uint64_t at = 0;
  for (int i = 0; i < connections; i++) {
    uint64_t own = readers[i].requests < SAMPLES_MAX ? readers[i].requests : SAMPLES_MAX;
    memcpy(all + at, readers[i].samples, own * sizeof *all);
    at += own;
  }
  qsort(all, samples, sizeof *all, ascending);
  printf("{\"seconds\":%.6f,\"bytes\":%llu,\"requests\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f}\n", seconds, (unsigned long long)bytes, (unsigned long long)requests,
         all[samples / 2] / 10.0, all[samples * 99 / 100] / 10.0);
  return 0;
}
