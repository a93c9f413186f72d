/*
 * notes.h - what fetch --help says after the options
 */
#ifndef FETCH_NOTES_H
#define FETCH_NOTES_H

extern const char fetch_notes[];

#endif
