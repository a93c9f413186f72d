/*
 * address.h - the address on which a server listens, from the word that a user gave
 */
#ifndef LIB_ADDRESS_H
#define LIB_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage at;
    socklen_t len;
    bool loopback; /* only programs of this machine can reach it */
};

/* word: HOST:PORT, [IPV6]:PORT, :PORT, or PORT; without a host it is 127.0.0.1. Port 0 stands for any port
 * that is free. Returns 0, or -1 with the reason. */
int address_parse(struct address *a, const char *word, char *err, size_t cap);
/* Returns a socket that listens there, or -1 with the reason. shown receives the address with its port. */
int address_listen(const struct address *a, char *shown, size_t shown_cap, char *err, size_t cap);

#endif
