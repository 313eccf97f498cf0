import Foundation

/// The open files that the system allows this process. Each connection is one, and so is each link to Redis.
package enum OpenFiles {
    /// The most that the limit is raised to: some programs that inherit it look at every number below it.
    private static let maxLimit = 1 << 20
    /// Kept for what is no client's connection: the admin API and its connections, the journal, files that are read again.
    private static let fixedReserve = 320
    /// Kept for each event loop: what it waits with, and its link to Redis.
    private static let reservePerLoop = 4
    /// The connections of the admin API, and what the fixed reserve has beside them.
    private static let maxAdminConnections = 256

    /// Raises the soft limit to the hard one. Where the system refuses, the limit stays as it is.
    package static func raiseLimit() {
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return }
        let wanted = min(limits.rlim_max, rlim_t(maxLimit))
        guard limits.rlim_cur < wanted else { return }
        limits.rlim_cur = wanted
        setrlimit(resource, &limits)
    }

    /// The soft limit.
    package static var limit: Int {
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return maxLimit }
        return Int(min(limits.rlim_cur, rlim_t(maxLimit)))
    }

    /// The connections of clients that fit below a limit, beside a reserve for everything else; at least one.
    static func connections(below limit: Int, eventLoops: Int) -> Int {
        let reserve = fixedReserve + reservePerLoop * eventLoops
        return max(1, limit - min(reserve, limit / 2))
    }

    /// The connections of the admin API that fit below a limit: most of the reserve, so that some is left for the link to Redis.
    package static func adminConnections(below limit: Int) -> Int {
        let reserve = min(fixedReserve, limit / 2)
        return max(4, reserve * maxAdminConnections / fixedReserve)
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
