// Load of the FUSE bench: stat, open, read to the end, close of FILES files DIRECTORY/s0 …; prints files per second.   small-reader DIRECTORY FILES
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  long files = atol(argv[2]);
  static char buffer[1 << 20];
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (long i = 0; i < files; i++) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/s%ld", argv[1], i);
    int fd = stat(path, &st) == 0 ? open(path, O_RDONLY) : -1;
    if (fd < 0) {
      perror(path);
      return 1;
    }
    long bytes = 0;
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) bytes += n;
    if (bytes != st.st_size) {
      fprintf(stderr, "%s: %ld bytes instead of %ld\n", path, bytes, (long)st.st_size);
      return 1;
    }
    close(fd);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.1f\n", (double)files / ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9));
  return 0;
}
