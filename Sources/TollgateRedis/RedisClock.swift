import NIOCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An estimate of Redis's clock, from the times in its replies. A value; the owner decides on which loop or task.
package struct RedisClock: Sendable {
    /// Redis's Unix time minus this host's monotonic time, in ms.
    private var offset: Int64
    private var isSynchronized = false
    /// A fixed time, Unix ms, for tests.
    package var fixed: Int64?

    /// Creates a clock with this host's time, which applies until the first reply.
    package init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        offset = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000 - Self.monotonic
    }

    /// Unix ms.
    package var now: Int64 { fixed ?? Self.monotonic + offset }

    /// Sets the clock to the time in a reply that has just arrived, Unix ms.
    ///
    /// A slow reply makes the clock slow. With `toleratedDelay`, the clock is not set back by less than this number of
    /// milliseconds. A larger difference means that Redis's own clock was set back.
    package mutating func synchronize(with time: Int64, toleratedDelay: Int64 = 0) {
        let measured = time - Self.monotonic
        guard !isSynchronized || measured > offset || measured <= offset - toleratedDelay else { return }
        offset = measured
        isSynchronized = true
    }

    private static var monotonic: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
