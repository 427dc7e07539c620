// Ceilings for the page store, as a shared library: a bare pread loop, and page fills by pwrite with and without xxh64. Written for this bench.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define P1 0x9E3779B185EBCA87ULL
#define P2 0xC2B2AE3D27D4EB4FULL
#define P3 0x165667B19E3779F9ULL
#define P4 0x85EBCA77C2B2AE63ULL
#define P5 0x27D4EB2F165667C5ULL

static inline uint64_t rotl(uint64_t x, int r) { return (x << r) | (x >> (64 - r)); }
static inline uint64_t read64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static inline uint32_t read32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint64_t lane(uint64_t acc, uint64_t input) { return rotl(acc + input * P2, 31) * P1; }
static inline uint64_t merge(uint64_t acc, uint64_t value) { return (acc ^ lane(0, value)) * P1 + P4; }

uint64_t page_xxh64(const uint8_t *p, uint64_t length) {
  const uint8_t *end = p + length;
  uint64_t h;
  if (length >= 32) {
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    for (; p + 32 <= end; p += 32) {
      a = lane(a, read64(p));
      b = lane(b, read64(p + 8));
      c = lane(c, read64(p + 16));
      d = lane(d, read64(p + 24));
    }
    h = merge(merge(merge(merge(rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18), a), b), c), d);
  } else h = P5;
  h += length;
  for (; p + 8 <= end; p += 8) h = rotl(h ^ lane(0, read64(p)), 27) * P1 + P4;
  if (p + 4 <= end) { h = rotl(h ^ read32(p) * P1, 23) * P2 + P3; p += 4; }
  for (; p < end; p++) h = rotl(h ^ *p * P5, 11) * P1;
  h = (h ^ (h >> 33)) * P2;
  h = (h ^ (h >> 29)) * P3;
  return h ^ (h >> 32);
}

// `offsets`: count offsets; returns the reads that were whole.
int page_pread_loop(int fd, uint8_t *into, int length, const double *offsets, int count) {
  int whole = 0;
  for (int i = 0; i < count; i++) whole += pread(fd, into, length, (off_t)offsets[i]) == length;
  return whole;
}

// Writes `pages` pages one after another into a new file; with_hash: xxh64 of each besides. Returns the pages written.
int page_fill(const char *path, const uint8_t *bytes, int page_bytes, int pages, int with_hash) {
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  if (fd < 0) return -1;
  volatile uint64_t sum = 0;
  int written = 0;
  for (int i = 0; i < pages; i++) {
    written += pwrite(fd, bytes, page_bytes, (off_t)i * page_bytes) == page_bytes;
    if (with_hash) sum ^= page_xxh64(bytes, page_bytes);
  }
  close(fd);
  return written;
}
