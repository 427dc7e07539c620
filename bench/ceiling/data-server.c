// Ceiling of the data plane: one thread per connection, blocking sendfile, no session, no page table. Speaks the frames of proto/frames/layout.ts (Read alone).
// data-server FILE: listens on a free port of 127.0.0.1, prints it, serves until stdin ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 72
#define CHUNK_BYTES_MAX (1u << 20)
#define LAST 1
#define FROM_CACHE 8

struct chunk {
  uint64_t request_id;
  uint16_t status, flags;
  uint32_t length;
};

static int file;

static int send_chunk(int socket, const struct chunk *chunk, off_t offset) {
  if (send(socket, chunk, sizeof *chunk, MSG_MORE | MSG_NOSIGNAL) != (ssize_t)sizeof *chunk) return -1;
  for (size_t left = chunk->length; left > 0;) {
    ssize_t sent = sendfile(socket, file, &offset, left);
    if (sent <= 0) return -1;
    left -= (size_t)sent;
  }
  return 0;
}

static void *serve(void *argument) {
  int socket = (int)(intptr_t)argument, one = 1;
  unsigned char request[REQUEST_BYTES];
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  while (recv(socket, request, sizeof request, MSG_WAITALL) == (ssize_t)sizeof request) {
    struct chunk chunk = {0};
    uint64_t offset;
    uint32_t left;
    memcpy(&chunk.request_id, request + 8, 8);
    memcpy(&offset, request + 56, 8);
    memcpy(&left, request + 64, 4);
    while (left > 0) {
      chunk.length = left < CHUNK_BYTES_MAX ? left : CHUNK_BYTES_MAX;
      left -= chunk.length;
      chunk.flags = FROM_CACHE | (left == 0 ? LAST : 0);
      if (send_chunk(socket, &chunk, (off_t)offset) < 0) goto done;
      offset += chunk.length;
    }
  }
done:
  close(socket);
  return NULL;
}

static void *accept_all(void *argument) {
  int listening = (int)(intptr_t)argument;
  for (;;) {
    int socket = accept(listening, NULL, NULL);
    pthread_t thread;
    if (socket < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)socket) != 0) exit(1);
    pthread_detach(thread);
  }
}

int main(int count, char **arguments) {
  if (count != 2 || (file = open(arguments[1], O_RDONLY)) < 0) return fprintf(stderr, "usage: data-server FILE\n"), 64;
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listening, (struct sockaddr *)&address, length) < 0 || listen(listening, 1024) < 0) return perror("listen"), 1;
  getsockname(listening, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  pthread_t acceptor;
  if (pthread_create(&acceptor, NULL, accept_all, (void *)(intptr_t)listening) != 0) return 1;
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  return 0;
}
