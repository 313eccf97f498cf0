"""Replays four rate-limit algorithms against the client that hurts each of them most, and counts what passes.

The clock ticks in milliseconds. The client is silent at first; from a given moment on it sends as much as the limiter lets
through, at every tick. `worst` tries many such moments and returns the one after which most requests pass within one window.
"""

LIMIT = 60
WINDOW = 60_000
BUCKETS = 30  # RING in lua/batch/window.lua


class FixedWindow:
    """One counter, which starts from 0 at every full minute."""

    def __init__(self):
        self.window, self.count = None, 0

    def admit(self, now):
        window = now // WINDOW
        if window != self.window:
            self.window, self.count = window, 0
        if self.count >= LIMIT:
            return False
        self.count += 1
        return True


class WeightedCounter:
    """Two counters; the one of the minute before counts by the share of it that the sliding window still covers."""

    def __init__(self):
        self.window, self.before, self.count = None, 0, 0

    def admit(self, now):
        window = now // WINDOW
        if window != self.window:
            self.before = self.count if self.window is not None and window == self.window + 1 else 0
            self.window, self.count = window, 0
        estimate = self.before * (WINDOW - now % WINDOW) + self.count * WINDOW
        if estimate + WINDOW > LIMIT * WINDOW:
            return False
        self.count += 1
        return True


class GCRA:
    """One timestamp: the theoretical arrival time. The burst is the whole limit, as in a token bucket of that size."""

    INTERVAL = WINDOW // LIMIT

    def __init__(self):
        self.arrival = 0

    def admit(self, now):
        arrival = max(self.arrival, now) + self.INTERVAL
        if arrival - now > LIMIT * self.INTERVAL:
            return False
        self.arrival = arrival
        return True


class BucketedSlidingWindow:
    """Tollgate's: the newest bucket and the BUCKETS before it count, the oldest one in full."""

    WIDTH = -(-WINDOW // BUCKETS)

    def __init__(self):
        self.buckets = {}

    def admit(self, now):
        newest = now // self.WIDTH
        self.buckets = {number: count for number, count in self.buckets.items() if number >= newest - BUCKETS}
        if sum(self.buckets.values()) >= LIMIT:
            return False
        self.buckets[newest] = self.buckets.get(newest, 0) + 1
        return True


ALGORITHMS = [FixedWindow, WeightedCounter, GCRA, BucketedSlidingWindow]


def admitted(algorithm, start, end, tick):
    """The times at which requests pass, of a client that sends without pause from `start` to `end`."""
    limiter, times = algorithm(), []
    for now in range(start, end, tick):
        while limiter.admit(now):
            times.append(now)
    return times


def rolling(times):
    """At each of the times, how many passed within the window that ends with it."""
    first, counts = 0, []
    for index, time in enumerate(times):
        while times[first] <= time - WINDOW:
            first += 1
        counts.append((time, index + 1 - first))
    return counts


def worst(algorithm, tick=20):
    """The most that pass within one window, and a moment to begin at for which that happens."""
    best = (0, 0)
    for start in range(10 * WINDOW, 11 * WINDOW, tick):
        most = max(count for _, count in rolling(admitted(algorithm, start, start + 2 * WINDOW + 5_000, tick)))
        best = max(best, (most, start))
    return best


if __name__ == "__main__":
    for algorithm in ALGORITHMS:
        most, start = worst(algorithm, 100)
        times = admitted(algorithm, start, start + 10 * WINDOW, 10)
        print(f"{algorithm.__name__}: at most {most} in {WINDOW // 1000} s, {most / LIMIT:.2f} times the limit; "
              f"started {start % WINDOW} ms into a minute; {len(times)} in ten minutes")
