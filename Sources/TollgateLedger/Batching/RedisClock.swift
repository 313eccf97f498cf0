import NIOCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What Redis's clock probably says now, from what it said in the last reply. Only chooses which calendar periods are sent
/// along; the script checks the choice against the true time. Owned by one event loop.
struct RedisClock {
    /// Redis's Unix time minus this host's monotonic time, in ms.
    private var offset: Int64
    /// Tests set the time that both the scripts and this clock take for the present one.
    var fixed: Int64?

    /// Until Redis has answered once, this host's own clock has to do.
    init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        offset = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000 - Self.monotonic
    }

    /// Unix ms.
    var now: Int64 { fixed ?? Self.monotonic + offset }

    mutating func redisSaid(_ milliseconds: Int64) {
        offset = milliseconds - Self.monotonic
    }

    private static var monotonic: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
