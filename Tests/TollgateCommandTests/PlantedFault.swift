import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

/// A fault of a system that `tollgate doctor` has to find.
enum PlantedFault: CaseIterable {
    case redisDown, wrongPassword, oldRedis, eviction, noPersistence, snapshotsOnly, replica, nearlyFull, full, slow
    case functionsDenied, commandDenied, keysDenied, infoDenied, multiDenied
    case otherPartitions, otherDecimals, laterLayout, earlierLayout, clock
    case otherPolicy, otherVersion, killedSidecar
    case folderIsFile, folderIsOpen, folderCannotBeCreated, fullDisk
    case journalDamaged, journalOfLaterVersion, journalRejected
    case policyMissing, policyInvalid, policyWarning, pricesInvalid
    case accessInvalid, alertsInvalid, tokenShort, tokenReadable, adminTokenReadable
    case portTaken, adminTaken, metricsTaken, refusedByProfile, otherSidecarsPort, otherToken, notReady, openFiles

    /// The results to find: the name, the result, and a part of the sentence.
    typealias Expected = [(String, String, String)]

    /// The arguments of redis-server.
    var redisArguments: [String] {
        switch self {
        case .eviction: ["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"]
        case .noPersistence: []
        case .snapshotsOnly: ["--save", "60 1000"]
        default: ["--appendonly", "yes"]
        }
    }

    /// Whether other checks may find effects of the fault.
    var hasOtherEffects: Bool {
        switch self {
        case .slow, .infoDenied, .nearlyFull, .full, .folderIsFile, .folderCannotBeCreated, .notReady, .otherToken: true
        default: false
        }
    }

    /// Plants the fault. Returns what is to be found.
    func plant(in system: inout DoctorSystem) async throws -> Expected {
        switch self {
        case .redisDown, .wrongPassword, .oldRedis, .eviction, .noPersistence, .snapshotsOnly, .replica, .nearlyFull,
            .full, .slow, .clock:
            try await plantInRedis(&system)
        case .functionsDenied, .commandDenied, .keysDenied, .infoDenied, .multiDenied: try plantInRights(&system)
        case .otherPartitions, .otherDecimals, .laterLayout, .earlierLayout, .otherPolicy, .otherVersion,
            .killedSidecar:
            try plantInKeys(&system)
        case .folderIsFile, .folderIsOpen, .folderCannotBeCreated, .fullDisk, .journalDamaged, .journalOfLaterVersion,
            .journalRejected:
            try await plantInFolder(&system)
        case .policyMissing, .policyInvalid, .policyWarning, .pricesInvalid, .accessInvalid, .alertsInvalid,
            .tokenShort, .tokenReadable, .adminTokenReadable:
            try plantInFiles(&system)
        case .portTaken, .adminTaken, .metricsTaken, .refusedByProfile, .otherSidecarsPort, .otherToken, .notReady,
            .openFiles:
            try await plantInPorts(&system)
        }
    }

    // MARK: - Redis

    private func plantInRedis(_ system: inout DoctorSystem) async throws -> Expected {
        switch self {
        case .redisDown:
            system.redis.stop()
            return [("Redis", "error", "no connection to unix://")]
        case .wrongPassword:
            system.redisAddress = "unix://tollgate:wrong@\(system.redis.socketPath)"
            return [("Redis", "error", "rejects the login: AUTH: WRONGPASS")]
        case .oldRedis:
            let proxy = try OldRedisProxy(to: system.redis)
            proxy.setOld(true)
            system.keptAlive.append(proxy)
            system.redisAddress = "unix://\(proxy.socketPath)"
            return [("Redis", "error", "is too old")]
        case .eviction: return [("Redis eviction", "warning", "allkeys-lru: counters may be evicted")]
        case .noPersistence: return [("Redis persistence", "warning", "has no persistence")]
        case .snapshotsOnly: return [("Redis persistence", "warning", "has only snapshots")]
        case .replica:
            let primary = try TestRedis(tcp: true)
            system.keptAlive.append(primary)
            try system.redis.cli("REPLICAOF", "127.0.0.1", "\(primary.port ?? 0)")
            return [("Redis role", "error", "Redis is a replica")]
        case .nearlyFull, .full: return try fillMemory(of: system)
        case .slow:
            let proxy = try OldRedisProxy(to: system.redis)
            proxy.delay(seconds: 0.008)
            system.keptAlive.append(proxy)
            system.redisAddress = "unix://\(proxy.socketPath)"
            return [("Redis latency", "warning", "a round trip takes ")]
        default:
            let clock = try await MovableClock()
            try clock.set(seconds: 120)
            let address = system.redisAddress
            let redis = try TestRedis(arguments: ["--appendonly", "yes"], environment: clock.environment)
            system.keptAlive += [redis, clock]
            system.redisAddress = address.map { _ in "\(redis.address)" }
            return [("clock", "warning", "ahead of this host")]
        }
    }

    private func fillMemory(of system: DoctorSystem) throws -> Expected {
        // A connection takes some memory too.
        try system.redis.cli("SETRANGE", "padding", "10000000", "x")
        let info = try system.redis.cli("INFO", "memory")
        let used = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        let bytes = try #require(used.flatMap { Int($0.dropFirst("used_memory:".count)) })
        guard self == .full else {
            try system.redis.cli("CONFIG", "SET", "maxmemory", "\(bytes * 104 / 100)")
            return [("Redis memory", "warning", "% of maxmemory")]
        }
        try system.redis.cli("CONFIG", "SET", "maxmemory", "\(bytes / 2)")
        return [("Redis memory", "error", "% of maxmemory"), ("Redis writes", "error", "Redis refuses writes: OOM")]
    }

    // MARK: - Rights

    private func plantInRights(_ system: inout DoctorSystem) throws -> Expected {
        let all = ["~tollgate:*", "&tollgate:*", "+@all", "-@admin", "-@dangerous", "+info", "+config|get"]
        let (rights, expected): ([String], Expected) =
            switch self {
            case .functionsDenied: (all + ["-fcall"], [("Redis functions", "warning", "denies functions")])
            case .commandDenied: (all + ["-zadd", "-hset"], [("Redis rights", "error", "no right to hset, zadd")])
            case .keysDenied:
                (
                    ["~other:*", "&other:*"] + all.dropFirst(2),
                    [
                        ("Redis rights", "error", "keys of tollgate:*, channels of tollgate:*"),
                        ("Redis keys", "error", "read"),
                        ("sidecars", "warning", "cannot be read"),
                    ]
                )
            case .infoDenied:
                (
                    Array(all.dropLast(2)),
                    [
                        ("Redis settings", "warning", "may not call INFO"),
                        ("Redis settings", "warning", "may not call CONFIG GET"),
                    ]
                )
            default: (all + ["-multi"], [("Redis rights", "warning", "denies MULTI")])
            }
        try system.redis.cli(["ACL", "SETUSER", "tollgate", "on", ">secret"] + rights)
        system.redisAddress = "unix://tollgate:secret@\(system.redis.socketPath)"
        return expected
    }

    // MARK: - Keys

    private func plantInKeys(_ system: inout DoctorSystem) throws -> Expected {
        let (marker, sidecars) = ("tollgate:{policy}:marker", "tollgate:{policy}:sidecars")
        func noted(_ layout: String, _ partitions: String) throws {
            try system.redis.cli("HSET", marker, "generation", "1", "layout", layout, "partitions", partitions)
        }
        func announce(_ digest: String, secondsAgo: Int64 = 0, version: String = "0.1.0") throws {
            let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
            try system.redis.cli("HSET", sidecars, "feed", "\(now - secondsAgo * 1_000) \(digest) app-7:42")
            try system.redis.cli("HSET", sidecars + ":details", "feed", "\(version) \(now - 60_000) 127.0.0.1:7379")
        }
        switch self {
        case .otherPartitions:
            try noted("2", "16")
            return [("Redis keys", "error", "was created with --partitions 16")]
        case .otherDecimals:
            try noted("2,decimals=2", "0")
            return [("Redis keys", "error", "counts money with decimals: 2")]
        case .laterLayout:
            try noted("3", "0")
            return [("Redis keys", "error", "have layout 3, but this version expects 2")]
        case .earlierLayout:
            try system.redis.cli("HSET", marker, "generation", "1")
            return [("Redis keys", "warning", "keys of an earlier layout")]
        case .otherPolicy:
            try announce("0a1b2c3d4e5f")
            return [("sidecars", "warning", "app-7:42 (0a1b2c3d4e5f)")]
        case .otherVersion:
            try announce("0a1b2c3d4e5f", version: "0.0.9")
            return [("sidecars", "warning", "not all run this version")]
        default:
            try announce("0a1b2c3d4e5f", secondsAgo: 30)
            return [("sidecars", "warning", "silent, so perhaps killed: app-7:42, version 0.1.0, last sign of life 3")]
        }
    }
}
