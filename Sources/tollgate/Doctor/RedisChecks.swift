import TollgateCore
import TollgateRedis
import TollgateServer

/// The checks of a Redis. Pure.
enum RedisChecks {
    /// The time from which a round trip, and a call that decides, are slow.
    private static let slowRoundTrip = Duration.milliseconds(5)
    private static let slowDecision = Duration.milliseconds(10)
    /// The share of the memory limit, in percent, from which it is near.
    private static let nearMemoryLimit: UInt64 = 90
    /// The difference of clocks from which they are wrong, ms.
    private static let wrongClock: Int64 = 1_000

    /// The check of the connection.
    static func connection(_ status: RedisLinkStatus, version: String?, address: RedisAddress) -> DoctorCheck {
        switch status {
        case .ready:
            return DoctorCheck("Redis", .ok, "\(address) answers, version \(version ?? "unknown, as it denies INFO")")
        case .refused(let reason):
            return DoctorCheck(
                "Redis", .error, "\(address) rejects the login: \(reason)",
                "name a user and a password that Redis knows in --redis")
        case .unsupported(let reason):
            return DoctorCheck("Redis", .error, "\(address): \(reason)", "install Redis 7.0 or later")
        case .down(let reason):
            return DoctorCheck(
                "Redis", .error, "no connection to \(address): \(reason)",
                "start Redis, or name its address in --redis")
        case .idle, .connecting, .closed:
            return DoctorCheck("Redis", .error, "no connection to \(address)", "start Redis")
        }
    }

    /// All checks of a Redis that answers.
    static func all(
        _ findings: RedisFindings, namespace: String, deadline: Duration, digest: String?
    ) -> [DoctorCheck] {
        guard let settings = findings.settings else {
            return [infoDenied] + others(findings, namespace: namespace, deadline: deadline, digest: digest)
        }
        if let role = settings.role { return [DoctorCheck("Redis role", .error, fromSentence: role)] }
        return Self.settings(settings, findings) + memory(settings)
            + others(findings, namespace: namespace, deadline: deadline, digest: digest)
    }

    private static func others(
        _ findings: RedisFindings, namespace: String, deadline: Duration, digest: String?
    ) -> [DoctorCheck] {
        rights(findings, namespace: namespace) + [layout(findings, namespace: namespace)]
            + latency(findings, deadline: deadline) + [clock(findings)]
            + SidecarChecks.all(findings.sidecars, namespace: namespace, digest: digest)
    }

    // MARK: - Settings

    private static let infoDenied = DoctorCheck(
        "Redis settings", .warning, "the user may not call INFO: persistence, eviction, role and memory are unknown",
        "grant +info +config|get")

    private static func settings(_ settings: RedisServerSettings, _ findings: RedisFindings) -> [DoctorCheck] {
        var checks: [DoctorCheck] = []
        let append = settings["aof_last_write_status"] ?? "ok"
        if append != "ok" {
            checks.append(
                DoctorCheck(
                    "Redis persistence", .error, "the last write to the append-only file has failed",
                    "see the log of Redis, and free space on its disk"))
        } else if let warning = settings.persistence {
            checks.append(DoctorCheck("Redis persistence", .warning, fromSentence: warning))
        } else {
            checks.append(DoctorCheck("Redis persistence", .ok, "writes go to an append-only file"))
        }
        checks.append(
            settings.eviction.map { DoctorCheck("Redis eviction", .warning, fromSentence: $0) }
                ?? DoctorCheck("Redis eviction", .ok, "no key is evicted"))
        return checks
    }

    private static func memory(_ settings: RedisServerSettings) -> [DoctorCheck] {
        func bytes(_ field: String) -> UInt64 { settings[field].flatMap { UInt64($0) } ?? 0 }
        let (used, limit, ofHost) = (bytes("used_memory"), bytes("maxmemory"), bytes("total_system_memory"))
        let (bound, name) = limit > 0 ? (limit, "of maxmemory") : (ofHost, "of the memory of its host")
        guard bound > 0 else { return [] }
        let percent = used * 100 / bound
        let sentence = "\(mebibytes(used)) of \(mebibytes(bound)) used, \(percent) % \(name)"
        guard percent >= nearMemoryLimit else { return [DoctorCheck("Redis memory", .ok, sentence)] }
        return [
            DoctorCheck(
                "Redis memory", percent >= 100 ? .error : .warning,
                "\(sentence): a full Redis refuses writes", "raise maxmemory, or give Redis a larger host")
        ]
    }

    private static func mebibytes(_ bytes: UInt64) -> String { "\((bytes + 524_288) / 1_048_576) MiB" }

    // MARK: - Rights and layout

    private static func rights(_ findings: RedisFindings, namespace: String) -> [DoctorCheck] {
        guard let rights = findings.rights, rights.areKnown else {
            return [
                DoctorCheck(
                    "Redis rights", .warning, "unknown, because Redis denies MULTI, by which they are checked",
                    "grant +multi +discard +exec, which the sidecar uses too")
            ]
        }
        var denied = rights.commands.map { $0.lowercased() }
        if rights.deniesKeys { denied.append("keys of \(namespace):*") }
        if rights.deniesChannels { denied.append("channels of \(namespace):*") }
        var checks: [DoctorCheck] = []
        if !denied.isEmpty {
            checks.append(
                DoctorCheck(
                    "Redis rights", .error, "the user has no right to \(denied.joined(separator: ", "))",
                    "grant ~\(namespace):* &\(namespace):* +@all -@admin -@dangerous +info +config|get"))
        } else if let refusal = rights.refusal {
            checks.append(
                DoctorCheck(
                    "Redis writes", .error, "Redis refuses writes: \(refusal)",
                    "see docs/failure-modes.md, Redis refuses writes"))
        } else {
            checks.append(DoctorCheck("Redis rights", .ok, "the user may run every command on \(namespace):*"))
        }
        if findings.deniesConfig {
            checks.append(
                DoctorCheck(
                    "Redis settings", .warning,
                    "the user may not call CONFIG GET: the schedule of snapshots is unknown",
                    "grant +config|get"))
        }
        checks.append(functions(rights, findings))
        return checks
    }

    private static func functions(_ rights: RedisRights, _ findings: RedisFindings) -> DoctorCheck {
        if let sentence = rights.deniedFunctions {
            return DoctorCheck(
                "Redis functions", .warning, "Redis denies functions, so scripts are called (EVALSHA): \(sentence)",
                "grant +fcall +function, for faster calls")
        }
        return DoctorCheck("Redis functions", .ok, "Redis permits them")
    }

    private static func layout(_ findings: RedisFindings, namespace: String) -> DoctorCheck {
        if let fault = findings.layoutFault {
            return DoctorCheck(
                "Redis keys", .error, fromSentence: fault, separator: fault.contains("; ") ? "; " : ": ")
        }
        guard findings.hasReadLayout else {
            return DoctorCheck(
                "Redis keys", .error, "the layout of namespace \(namespace) cannot be read",
                "grant ~\(namespace):* +hmget")
        }
        guard !findings.hasUnnumberedLayout else {
            return DoctorCheck(
                "Redis keys", .warning,
                "namespace \(namespace) has keys of an earlier layout, which are neither read nor changed",
                "delete them if their counters do not matter")
        }
        return DoctorCheck("Redis keys", .ok, "namespace \(namespace) has the layout of this version, or no data yet")
    }

    // MARK: - Times

    private static func latency(_ findings: RedisFindings, deadline: Duration) -> [DoctorCheck] {
        guard let roundTrip = findings.roundTrip else {
            return [
                DoctorCheck(
                    "Redis latency", .error, "Redis does not answer PING within 2 s",
                    "see SLOWLOG GET for slow commands, and the load of its host")
            ]
        }
        var checks = [latency("Redis latency", "a round trip", roundTrip, slowRoundTrip, deadline)]
        if let decision = findings.decision {
            checks.append(latency("Redis decisions", "a call that decides", decision, slowDecision, deadline))
        } else {
            checks.append(
                DoctorCheck(
                    "Redis decisions", .ok,
                    "not measured: Redis has no code of this version yet, or no kind of scope has limits"))
        }
        return checks
    }

    private static func latency(
        _ name: String, _ what: String, _ time: Duration, _ slow: Duration, _ deadline: Duration
    ) -> DoctorCheck {
        let sentence =
            "\(what) takes \(milliseconds(time)), the median of \(RedisFindings.samples); slow from \(milliseconds(slow)), "
            + "too slow from --deadline \(milliseconds(deadline))"
        guard time < min(slow, deadline) else {
            return DoctorCheck(
                name, time < deadline ? .warning : .error, sentence,
                "run Redis nearer to the sidecar, and see SLOWLOG GET for slow commands of others")
        }
        return DoctorCheck(name, .ok, sentence)
    }

    /// A time with two significant digits below 10 ms.
    static func milliseconds(_ time: Duration) -> String {
        let micros = time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000
        guard micros < 10_000, micros % 1_000 != 0 else { return "\(micros / 1_000) ms" }
        let hundredths = "\(micros / 10 % 100)"
        return "\(micros / 1_000).\(hundredths.count == 1 ? "0" : "")\(hundredths) ms"
    }

    private static func clock(_ findings: RedisFindings) -> DoctorCheck {
        guard let (offset, uncertainty) = findings.clock else {
            return DoctorCheck("clock", .warning, "cannot be compared: Redis denies TIME", "grant +time")
        }
        let direction = offset < 0 ? "behind" : "ahead of"
        let sentence = "Redis is \(abs(offset)) ms \(direction) this host, give or take \(uncertainty) ms"
        guard abs(offset) - uncertainty >= wrongClock else { return DoctorCheck("clock", .ok, sentence) }
        return DoctorCheck(
            "clock", .warning, "\(sentence); limits and calendars follow Redis's clock", "synchronize both by NTP")
    }
}
