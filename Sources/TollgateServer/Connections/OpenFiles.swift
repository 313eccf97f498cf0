import Foundation

/// The limit of open files of this process. Each client connection and each link to Redis takes one.
package enum OpenFiles {
    /// The value up to which the limit is raised: some programs that inherit it iterate over all descriptors below it.
    private static let maxLimit = 1 << 20
    /// The number of file descriptors reserved for everything else: the admin API with its connections, the journal,
    /// files that are reloaded.
    private static let fixedReserve = 320
    /// The number of file descriptors reserved per event loop: its poll descriptors and its link to Redis.
    private static let reservePerLoop = 4
    /// The part of the fixed reserve that the connections of the admin API may take.
    private static let maxAdminConnections = 256

    /// Raises the soft limit to the hard one. If the system refuses, the limit stays as it is.
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

    /// Returns the number of client connections that fit into a limit once the reserve is subtracted; at least one.
    package static func connections(below limit: Int, eventLoops: Int) -> Int {
        let reserve = fixedReserve + reservePerLoop * eventLoops
        return max(1, limit - min(reserve, limit / 2))
    }

    /// Returns the connections of the admin API that fit below a limit: most of the reserve, so that some is left for
    /// Redis.
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
