// Ceiling of the FUSE bench: a libfuse3 low-level daemon that serves one big file out of page files and small files one each, by pread into a buffer.
// fuse-ll MOUNTPOINT DIRECTORY PAGES SMALL_FILES SMALL_BYTES   (DIRECTORY holds pages/0 …, small/s0 …; a page has 4 MiB)
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE (4L << 20)
#define TTL 3600.0
enum { BIG = 2, SMALL_DIRECTORY = 3, SMALL_BASE = 100 };

static int *page_fds;
static long pages, small_files, small_bytes;
static const char *directory;

static int attributes(fuse_ino_t ino, struct stat *st) {
  memset(st, 0, sizeof *st);
  st->st_ino = ino;
  st->st_mode = S_IFREG | 0444;
  st->st_nlink = 1;
  if (ino == FUSE_ROOT_ID || ino == SMALL_DIRECTORY) {
    st->st_mode = S_IFDIR | 0555;
    st->st_nlink = 2;
  } else if (ino == BIG) st->st_size = pages * PAGE;
  else if (ino >= SMALL_BASE && (long)ino < SMALL_BASE + small_files) st->st_size = small_bytes;
  else return ENOENT;
  return 0;
}

static void ll_init(void *data, struct fuse_conn_info *conn) {
  (void)data;
  conn->max_readahead = 1 << 20;
  conn->max_background = 64;
}

static void ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
  struct fuse_entry_param e = {.attr_timeout = TTL, .entry_timeout = TTL};
  if (parent == FUSE_ROOT_ID && strcmp(name, "big") == 0) e.ino = BIG;
  else if (parent == FUSE_ROOT_ID && strcmp(name, "small") == 0) e.ino = SMALL_DIRECTORY;
  else if (parent == SMALL_DIRECTORY && name[0] == 's') e.ino = SMALL_BASE + (fuse_ino_t)atol(name + 1);
  int error = e.ino == 0 ? ENOENT : attributes(e.ino, &e.attr);
  if (error) fuse_reply_err(req, error);
  else fuse_reply_entry(req, &e);
}

static void ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  (void)fi;
  struct stat st;
  int error = attributes(ino, &st);
  if (error) fuse_reply_err(req, error);
  else fuse_reply_attr(req, &st, TTL);
}

static void ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  fi->keep_cache = 1;
  fi->noflush = 1;
  fi->fh = 0;
  if (ino >= SMALL_BASE) {
    char path[512];
    snprintf(path, sizeof path, "%s/small/s%ld", directory, (long)ino - SMALL_BASE);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
      fuse_reply_err(req, errno);
      return;
    }
    fi->fh = (uint64_t)fd;
  }
  fuse_reply_open(req, fi);
}

static void ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  if (ino >= SMALL_BASE) close((int)fi->fh);
  fuse_reply_err(req, 0);
}

static __thread char *buffer;

static void ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi) {
  if (buffer == NULL && posix_memalign((void **)&buffer, 4096, 2 << 20)) abort();
  size_t done = 0;
  if (ino >= SMALL_BASE) {
    ssize_t n = pread((int)fi->fh, buffer, size, offset);
    if (n > 0) done = (size_t)n;
  } else {
    while (done < size && offset < pages * PAGE) {
      long page = offset / PAGE, at = offset % PAGE;
      size_t want = size - done < (size_t)(PAGE - at) ? size - done : (size_t)(PAGE - at);
      ssize_t n = pread(page_fds[page], buffer + done, want, at);
      if (n <= 0) break;
      done += (size_t)n;
      offset += n;
    }
  }
  fuse_reply_buf(req, buffer, done);
}

static const struct fuse_lowlevel_ops operations = {
    .init = ll_init, .lookup = ll_lookup, .getattr = ll_getattr, .open = ll_open, .release = ll_release, .read = ll_read};

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  directory = argv[2];
  pages = atol(argv[3]);
  small_files = atol(argv[4]);
  small_bytes = atol(argv[5]);
  page_fds = calloc((size_t)pages, sizeof *page_fds);
  for (long i = 0; i < pages; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/pages/%ld", directory, i);
    page_fds[i] = open(path, O_RDONLY);
    if (page_fds[i] < 0) {
      perror(path);
      return 1;
    }
  }
  char *fuse_argv[] = {argv[0], "-o", "allow_other,ro,default_permissions"};
  struct fuse_args args = FUSE_ARGS_INIT(3, fuse_argv);
  struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
  if (session == NULL || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, argv[1]) != 0) return 1;
  struct fuse_loop_config *config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, 1);
  fuse_loop_cfg_set_max_threads(config, 4);
  fuse_loop_cfg_set_idle_threads(config, 4);
  puts("ready");
  fflush(stdout);
  int result = fuse_session_loop_mt(session, config);
  fuse_session_unmount(session);
  return result;
}
