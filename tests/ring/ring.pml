/*
 * ring.pml - the ring of shm/ring.c as a Promela model: producer and consumer, sleep and wake, close, crashes
 *
 * A record is two bytes, written one after the other, so that one which is read half written shows. put and get
 * count records; the capacity is SLOTS. Each line of a side is one step; the labels D1 to D4, R1, R2, A1, A2 are
 * those of shm/ring.h and shm/ring.c. A side that sleeps has no time-out in this model: what only the time-out
 * would mend is an error here (an invalid end state). Crashes: up to CRASHES times either side ends between any two
 * steps. The other sees it (the kernel tells), takes what was committed before, and ends as well; then both begin
 * again on a new ring, the producer with the record after the last one that the consumer used, as train and mix do
 * with a checkpoint.
 *
 * Checked, over every interleaving: a record is used in order, once and whole; the producer never writes a slot
 * that is being read; at the end all RECORDS were used; nobody sleeps for ever.
 *
 * Seeded bugs, each of which must be caught (tests/ring/model): -DBUG=
 *   1 put is published before the record is written    2 the sleeper looks first and then says that it sleeps
 *   3 commit does not wake                             4 space is given back before the record is used
 *   5 one slot more than there is                      6 closed is set before the last record is committed
 *   7 a waiter that looks at put before closed         8 a new producer begins after what was committed
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define SLOTS 2

byte first_half[SLOTS], second_half[SLOTS];
byte put, get;
bool producer_closed;
bool data_waiter, space_waiter; /* the futex words */
bool producer_dead, consumer_dead;
bool producer_ended, consumer_ended;
byte used;    /* records that the consumer has used: what a checkpoint holds */
byte committed; /* records that the producer has published */
byte reading = 255, crashes;

#if BUG == 5
#define FULL (pos - get == SLOTS + 1)
#else
#define FULL (pos - get == SLOTS)
#endif

/* Sleeps until woken, or until the kernel says that the peer is gone. */
inline sleep_on(word, peer_dead) {
    if
    :: !word -> skip
    :: peer_dead -> skip
    fi;
    word = false
}

inline write_record(value) {
    assert(reading != pos % SLOTS);
    first_half[pos % SLOTS] = value + 1;
    assert(reading != pos % SLOTS);
    second_half[pos % SLOTS] = value + 1
}

proctype producer(byte begin) {
    byte pos = 0, i;
    {
        i = begin;
        do
        :: i == RECORDS -> break
        :: else ->
            do /* A2, D4: space? */
            :: !FULL -> break
            :: FULL && consumer_dead -> goto gone
            :: FULL && !consumer_dead ->
#if BUG == 2
                if
                :: FULL -> space_waiter = true; sleep_on(space_waiter, consumer_dead)
                :: else -> skip
                fi
#else
                space_waiter = true; /* D3, before the look */
                if
                :: FULL -> sleep_on(space_waiter, consumer_dead)
                :: else -> space_waiter = false
                fi
#endif
            od;
#if BUG == 6
            if
            :: i + 1 == RECORDS -> producer_closed = true
            :: else -> skip
            fi;
#endif
#if BUG == 1
            put = pos + 1;
            write_record(i);
#else
            write_record(i);
            put = pos + 1; /* R1, D2 */
#endif
            pos++;
#if BUG != 3
            data_waiter = false; /* wakes: one exchange */
#endif
            i++;
            committed = i
        od;
        producer_closed = true;
        data_waiter = false;
gone:   skip
    } unless { producer_dead };
    producer_ended = true
}

/* Uses one record: R2 gives its place back afterwards. */
inline use() {
#if BUG == 4
    get = get + 1;
    space_waiter = false;
    reading = (get - 1) % SLOTS;
    a = first_half[(get - 1) % SLOTS];
    b = second_half[(get - 1) % SLOTS];
    reading = 255;
    atomic { assert(a == b && a == used + 1); used++ }
#else
    reading = get % SLOTS;
    a = first_half[get % SLOTS];
    b = second_half[get % SLOTS];
    reading = 255;
    atomic { assert(a == b && a == used + 1); used++ };
    get = get + 1; /* R2, D4 */
    space_waiter = false
#endif
}

proctype consumer() {
    byte a, b;
    bool closed, dead;
    {
        do
        :: true ->
            do
            :: put != get -> break
            :: put == get ->
#if BUG == 7
                if
                :: put != get -> break
                :: else -> skip
                fi;
                closed = producer_closed;
                if
                :: closed -> goto gone
                :: else -> skip
                fi;
#else
                closed = producer_closed; /* before put: what was committed before it is then seen */
                if
                :: put != get -> break
                :: put == get && closed -> goto gone
                :: else -> skip
                fi;
#endif
                dead = producer_dead;
                if
                :: put != get -> break /* what it did before it died still counts */
                :: put == get && dead -> goto gone
                :: else -> skip
                fi;
#if BUG == 2
                if
                :: put == get && !producer_closed -> data_waiter = true; sleep_on(data_waiter, producer_dead)
                :: else -> skip
                fi
#else
                data_waiter = true; /* D1, before the look */
                if
                :: put == get && !producer_closed -> sleep_on(data_waiter, producer_dead)
                :: else -> data_waiter = false
                fi
#endif
            od;
            use()
        od;
gone:   skip
    } unless { consumer_dead };
    reading = 255;
    consumer_ended = true
}

/* Ends either side at any time, then both are begun again. */
active proctype supervisor() {
    do
    :: used == RECORDS && producer_ended && consumer_ended -> break
    :: !(used == RECORDS && producer_ended && consumer_ended) ->
        atomic {
            put = 0; get = 0; producer_closed = false; data_waiter = false; space_waiter = false;
            producer_dead = false; consumer_dead = false; producer_ended = false; consumer_ended = false;
#if BUG == 8
            run producer(committed);
#else
            run producer(used);
#endif
            run consumer()
        };
        do
        :: producer_ended && consumer_ended -> break
        :: crashes < CRASHES && !producer_ended && !producer_dead -> atomic { producer_dead = true; crashes++ }
        :: crashes < CRASHES && !consumer_ended && !consumer_dead -> atomic { consumer_dead = true; crashes++ }
        :: producer_ended && !consumer_ended && consumer_dead -> skip
        od;
        assert(used == RECORDS || crashes > 0)
    od;
    assert(used == RECORDS)
}
