// Makes the machine fail under one program (LD_PRELOAD): kills it at a chosen call, forgets what was not synchronised,
// has no room, no random bytes, and jumps with the clock. Each fault is asked for by an environment variable; without any it does nothing.
//
//   FAULT_FOLDER   the folder whose files are meant (writes and syncs elsewhere are not counted or refused)
//   FAULT_KILL     "KIND N before|after": SIGKILL at the N-th call. KIND is write (write, pwrite, writev on files),
//                  sync (fsync, fdatasync on files and folders) or send (datagrams to the network)
//   FAULT_KILL_MS  SIGKILL so many milliseconds after the start
//   FAULT_SHADOW   a folder in which what is synchronised is kept: see power.py
//   FAULT_FULL     while a file of this name exists, files take no byte more (ENOSPC)
//   FAULT_CLOCK    a file with seconds in it that are added to the time of day
//   FAULT_RANDOM   there are no random bytes: neither getrandom nor /dev/random and /dev/urandom
//   FAULT_NORMAL   SQLite gets "synchronous = NORMAL" where it is asked for FULL
//
// Kills happen under the lock that also covers the shadow, so that it is never half written. Every call goes on to the
// next library; nothing here allocates while it holds the lock except through the C library.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(next))dlsym(RTLD_NEXT, #name)

enum kind { NONE, WRITE, SYNC, SEND };

static char folder[4096], shadow[4096], full[4096], clock_file[4096];
static size_t folder_length;
static enum kind kill_kind;
static long kill_at, kill_after, calls[4];
static int normal, randomless;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// The path under which an open file is known, if it is in the folder; NULL otherwise. Sockets and pipes are no files.
static const char *inside(int fd, char *path, size_t size) {
    char link[64];
    if (!folder_length) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    if (strncmp(path, folder, folder_length) || (path[folder_length] && path[folder_length] != '/')) return NULL;
    return path;
}

static int is_file(int fd) {
    char path[4096];
    struct stat status;
    return inside(fd, path, sizeof path) && !fstat(fd, &status) && S_ISREG(status.st_mode);
}

static int is_network(int fd) {
    int type = 0, family = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_DGRAM) return 0;
    size = sizeof family;
    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) && (family == AF_INET || family == AF_INET6);
}

// What has been synchronised of a file is its content under its inode's number; of a folder, its names and their inodes.
static void keep_file(int fd, const struct stat *status) {
    char path[8192], buffer[65536];
    snprintf(path, sizeof path, "%s/%lu", shadow, (unsigned long)status->st_ino);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    NEXT(write);
    while (from >= 0 && to >= 0 && (length = read(from, buffer, sizeof buffer)) > 0)
        if (next(to, buffer, (size_t)length) != length) abort();
    if (from < 0 || to < 0) abort();
    close(from);
    close(to);
}

static void keep_folder(const char *name) {
    char path[8192];
    DIR *entries = opendir(name);
    snprintf(path, sizeof path, "%s/names", shadow);
    FILE *list = fopen(path, "we");
    if (!entries || !list) abort();
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_type == DT_REG) fprintf(list, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
    closedir(entries);
    fclose(list);
}

// An inode's number must not be given to another file while this process lives.
static void pin(int fd) {
    char path[4096];
    if (*shadow && fd >= 0 && inside(fd, path, sizeof path)) fcntl(fd, F_DUPFD_CLOEXEC, 500);
}

// Notes a call; dies where it is the one. Returns with the lock held, to be given back by `leave`.
static void enter(enum kind kind) {
    int error = errno;
    pthread_mutex_lock(&lock);
    if (kind) {
        calls[kind]++;
        if (kind == kill_kind && calls[kind] == kill_at && !kill_after) die();
    }
    errno = error;
}

static void leave(enum kind kind) {
    if (kind && kind == kill_kind && calls[kind] == kill_at && kill_after) die();
    pthread_mutex_unlock(&lock);
}

static int refuses(void) {
    if (!*full || access(full, F_OK)) return 0;
    errno = ENOSPC;
    return 1;
}

#define WRITING(call) \
    if (!is_file(fd)) return call; \
    if (refuses()) return -1; \
    enter(WRITE); \
    __typeof__(call) result = call; \
    int error = errno; \
    leave(WRITE); \
    errno = error; \
    return result

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(write);
    WRITING(next(fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    WRITING(next(fd, parts, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    NEXT(pwrite);
    WRITING(next(fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    NEXT(pwrite64);
    WRITING(next(fd, bytes, count, offset));
}

static int synchronise(int fd, int (*next)(int)) {
    char path[4096];
    struct stat status;
    const char *name = inside(fd, path, sizeof path);
    if (!name || fstat(fd, &status)) return next(fd);
    enter(SYNC);
    // The shadow is what survives; waiting for the disk would only take time.
    int result = *shadow ? 0 : next(fd), error = errno;
    if (*shadow) {
        if (S_ISDIR(status.st_mode)) keep_folder(name);
        else keep_file(fd, &status);
    }
    leave(SYNC);
    errno = error;
    return result;
}

int fsync(int fd) {
    NEXT(fsync);
    return synchronise(fd, next);
}

int fdatasync(int fd) {
    NEXT(fdatasync);
    return synchronise(fd, next);
}

#define SENDING(call) \
    if (!is_network(fd)) return call; \
    enter(SEND); \
    __typeof__(call) result = call; \
    int error = errno; \
    leave(SEND); \
    errno = error; \
    return result

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t size) {
    NEXT(sendto);
    SENDING(next(fd, bytes, count, flags, to, size));
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    NEXT(send);
    SENDING(next(fd, bytes, count, flags));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    NEXT(sendmsg);
    SENDING(next(fd, message, flags));
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    NEXT(sendmmsg);
    SENDING(next(fd, messages, count, flags));
}

ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
    NEXT(getrandom);
    if (!randomless) return next(bytes, count, flags);
    errno = ENOSYS;
    return -1;
}

#define OPENING(name, ...) \
    if (randomless && (!strcmp(path, "/dev/random") || !strcmp(path, "/dev/urandom"))) { \
        errno = ENOENT; \
        return -1; \
    } \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    } \
    NEXT(name); \
    int fd = next(__VA_ARGS__, mode); \
    pin(fd); \
    return fd

int open(const char *path, int flags, ...) { OPENING(open, path, flags); }
int open64(const char *path, int flags, ...) { OPENING(open64, path, flags); }
int openat(int at, const char *path, int flags, ...) { OPENING(openat, at, path, flags); }
int openat64(int at, const char *path, int flags, ...) { OPENING(openat64, at, path, flags); }

// SQLite's last words on a statement's text, of which GRDB runs one after the other.
struct sqlite3;
struct sqlite3_stmt;
int sqlite3_prepare_v3(
    struct sqlite3 *db, const char *sql, int bytes, unsigned flags, struct sqlite3_stmt **statement, const char **tail) {
    static int (*next)(struct sqlite3 *, const char *, int, unsigned, struct sqlite3_stmt **, const char **);
    if (!next) next = (__typeof__(next))dlsym(RTLD_NEXT, "sqlite3_prepare_v3");
    static const char asked[] = "PRAGMA synchronous = FULL";
    if (!normal || strncmp(sql, asked, sizeof asked - 1)) return next(db, sql, bytes, flags, statement, tail);
    int result = next(db, "PRAGMA synchronous = NORMAL", -1, flags, statement, NULL);
    if (tail) *tail = sql + sizeof asked - 1;
    return result;
}

// MARK: The clock

static long offset(void) {
    char text[32];
    if (!*clock_file) return 0;
    int error = errno, fd = openat(AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    errno = error;
    text[length > 0 ? length : 0] = 0;
    return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    NEXT(clock_gettime);
    int result = next(id, now);
    if (!result && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    NEXT(gettimeofday);
    int result = next(now, zone);
    if (!result) now->tv_sec += offset();
    return result;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}

// A wait until a time of day ends when that time has come by the clock as it is then, as the kernel has it.
int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
    NEXT(pthread_cond_timedwait);
    // A time before 2001 is one of the monotonic clock.
    if (!*clock_file || until->tv_sec < 1000000000) return next(condition, mutex, until);
    for (;;) {
        struct timespec step;
        clock_gettime(CLOCK_REALTIME, &step);
        long left = (until->tv_sec - step.tv_sec) * 1000 + (until->tv_nsec - step.tv_nsec) / 1000000;
        if (left <= 0) return ETIMEDOUT;
        if (left > 50) left = 50;
        step.tv_sec -= offset();
        step.tv_nsec += left * 1000000;
        step.tv_sec += step.tv_nsec / 1000000000;
        step.tv_nsec %= 1000000000;
        int result = next(condition, mutex, &step);
        if (result != ETIMEDOUT) return result;
    }
}

// MARK: The beginning

static void *die_later(void *milliseconds) {
    struct timespec pause = {(long)milliseconds / 1000, (long)milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&lock);
    die();
    return NULL;
}

static void read_path(const char *name, char *path) {
    const char *value = getenv(name);
    if (value) snprintf(path, 4096, "%s", value);
}

__attribute__((constructor)) static void begin(void) {
    read_path("FAULT_FOLDER", folder);
    read_path("FAULT_SHADOW", shadow);
    read_path("FAULT_FULL", full);
    read_path("FAULT_CLOCK", clock_file);
    folder_length = strlen(folder);
    normal = getenv("FAULT_NORMAL") != NULL;
    randomless = getenv("FAULT_RANDOM") != NULL;
    char kind[16], when[16];
    const char *text = getenv("FAULT_KILL");
    if (text && sscanf(text, "%15s %ld %15s", kind, &kill_at, when) == 3) {
        kill_kind = !strcmp(kind, "write") ? WRITE : !strcmp(kind, "sync") ? SYNC : !strcmp(kind, "send") ? SEND : NONE;
        kill_after = !strcmp(when, "after");
    }
    if ((text = getenv("FAULT_KILL_MS"))) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, die_later, (void *)atol(text))) pthread_detach(thread);
    }
}
