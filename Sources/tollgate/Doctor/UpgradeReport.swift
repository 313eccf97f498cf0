import TollgateAdmin
import TollgateLedger
import TollgateRedis
import TollgateServer
import TollgateStores

/// The checks of `tollgate upgrade-check` as text and JSON. Pure.
struct UpgradeReport {
    struct Check: Equatable {
        var name: String
        /// Whether this version fits; nil if that cannot be told.
        var fits: Bool?
        var sentence: String
        var advice: String?

        init(_ name: String, _ fits: Bool?, _ sentence: String, _ advice: String? = nil) {
            (self.name, self.fits, self.sentence, self.advice) = (name, fits, sentence, advice)
        }

        fileprivate var json: JSONValue {
            .object([
                "name": .string(name), "fits": fits.map { .bool($0) } ?? .null, "sentence": .string(sentence),
                "advice": advice.map { .string($0) } ?? .null,
            ])
        }
    }

    var checks: [Check]

    /// Whether this version can run beside what is there; nil if that cannot be told.
    var canRun: Bool? {
        if checks.contains(where: { $0.fits == false }) { return false }
        return checks.contains { $0.fits == nil } ? nil : true
    }

    /// The checks in their order, and the verdict.
    func text(on terminal: Terminal) -> String {
        let lines = checks.flatMap { check in
            let (word, colour) =
                switch check.fits {
                case true?: ("yes", 32)
                case false?: ("no", 31)
                case nil: ("unknown", 33)
                }
            return FindingText(
                word: word, colour: colour, text: "\(check.name): \(check.sentence)", advice: check.advice
            ).lines(on: terminal)
        }
        return (lines + ["", verdict]).joined(separator: "\n")
    }

    private var verdict: String {
        switch canRun {
        case true?: "version \(Version.current) can run beside what is there"
        case false?: "version \(Version.current) cannot run beside what is there"
        case nil: "it cannot be told whether version \(Version.current) can run"
        }
    }

    /// One JSON object: the version, the verdict and the checks.
    var json: String {
        JSONValue.object([
            "version": .string(Version.current), "can_run": canRun.map { .bool($0) } ?? .null,
            "checks": .array(checks.map(\.json)),
        ]).json
    }
}

// MARK: - Checks

extension UpgradeReport {
    static let noEmbeddedRedis = Check(
        "Redis", nil, "the embedded Redis does not run, so its keys cannot be read",
        "ask while the sidecar runs that is to be replaced")

    static func connection(_ status: RedisLinkStatus, version: String?, address: RedisAddress) -> Check {
        switch status {
        case .ready: Check("Redis", true, "\(address) answers, version \(version ?? "unknown")")
        case .unsupported(let reason): Check("Redis", false, reason, "upgrade Redis first")
        default: Check("Redis", nil, "\(address): \(status)", "start Redis, or name its address in --redis")
        }
    }

    /// The checks of a Redis that answers.
    static func redis(_ findings: RedisFindings, namespace: String, digest: String?) -> [Check] {
        [layout(findings, namespace), libraries(findings)] + sidecars(findings, digest)
    }

    private static func layout(_ findings: RedisFindings, _ namespace: String) -> Check {
        guard findings.hasReadLayout else {
            return Check(
                "keys", nil, "the layout of namespace \(namespace) cannot be read", "grant ~\(namespace):* +hmget")
        }
        if let fault = findings.layoutFault { return Check("keys", false, fault) }
        return Check("keys", true, "namespace \(namespace) has the layout of this version, or no data yet")
    }

    private static func libraries(_ findings: RedisFindings) -> Check {
        let own = RedisLibrary.tollgate.name
        guard let all = findings.libraries else {
            return Check(
                "functions", true, "Redis does not list libraries; each version calls its own library or script")
        }
        let others = all.filter { $0 != own }
        let state = all.contains(own) ? "is loaded" : "is not loaded yet; the sidecar loads it"
        let beside = others.isEmpty ? "" : ", beside those of other versions: \(others.joined(separator: ", "))"
        return Check("functions", true, "the library of this version, \(own), \(state)\(beside)")
    }

    private static func sidecars(_ findings: RedisFindings, _ digest: String?) -> [Check] {
        guard let sidecars = findings.sidecars else { return [Check("sidecars", nil, "cannot be read from Redis")] }
        guard !sidecars.isEmpty else { return [Check("sidecars", true, "none runs")] }
        let versions = Dictionary(grouping: sidecars) { $0.details?.version ?? "unknown" }
        let words = versions.sorted { $0.key < $1.key }.map { "\($0.value.count) of version \($0.key)" }
        var checks = [Check("sidecars", true, words.joined(separator: ", "))]
        let others = sidecars.filter { $0.digest != digest }
        if let digest, !others.isEmpty {
            checks.append(
                Check(
                    "policy digest", true,
                    "\(others.count) of \(sidecars.count) sidecars have another digest than \(digest): the files differ, or the "
                        + "versions compute it differently, and both sides will warn of a policy mismatch",
                    "deploy the same policy and price files to all"))
        }
        return checks
    }

    /// The check of the journal.
    ///
    /// - Parameter found: The contents, or why they cannot be read; `.some(nil)` if there is no file, and nil if the disk
    ///   does not answer.
    static func journal(_ found: Result<JournalInspection, JournalError>??) -> Check {
        switch found {
        case nil: return Check("journal", nil, "cannot be read within 15 s", "see whether its disk answers")
        case .some(nil): return Check("journal", true, "there is none yet")
        case .some(.some(.success)): return Check("journal", true, "this version can read it")
        case .some(.some(.failure(let error))):
            guard case .unusable = error else { return Check("journal", nil, error.description) }
            return Check("journal", false, error.description, "run the version that has written it")
        }
    }

    /// The check of the policy and price files, from their errors.
    static func policy(_ errors: [String]) -> Check {
        guard let first = errors.first else { return Check("policy", true, "this version accepts the files") }
        let more = errors.count > 1 ? ", and \(errors.count - 1) more" : ""
        return Check("policy", false, "\(first)\(more)", "correct the file; see tollgate policy check")
    }
}
