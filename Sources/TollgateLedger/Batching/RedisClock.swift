import NIOCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An estimate of Redis's clock, from the time in its last reply. It only chooses the calendar periods of a call; the
/// script checks them against the true time. Owned by one event loop.
struct RedisClock {
    /// The difference between Redis's Unix time and this host's monotonic time, in ms.
    private var offset: Int64
    /// A fixed present time for tests, which the scripts use too.
    var fixed: Int64?

    /// Creates an estimate from this host's clock, used until Redis's first reply.
    init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        offset = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000 - Self.monotonic
    }

    /// The estimated present time, Unix ms.
    var now: Int64 { fixed ?? Self.monotonic + offset }

    /// Adjusts the estimate to the time in a reply, Unix ms.
    mutating func redisSaid(_ milliseconds: Int64) {
        offset = milliseconds - Self.monotonic
    }

    private static var monotonic: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
