import TollgatePolicy
import TollgateServer

/// The purpose of a sidecar: `--profile`.
enum Profile: String, CaseIterable {
    /// For development: prints addresses, commands and a link that signs in.
    case dev
    /// For production: refuses risky settings, unless they are allowed by name.
    case prod
}

/// A setting that the profile `prod` refuses at the start. The raw value is its name in `--allow`.
enum StartRisk: String, CaseIterable {
    case embeddedRedis = "embedded-redis"
    case openListeners = "open-listeners"
    case policyWarnings = "policy-warnings"
    case readableSecrets = "readable-secrets"
}

/// The profile of a sidecar, and the risks that it may take nevertheless.
struct ProfileSettings {
    let profile: Profile?
    private let allowed: Set<String>

    /// The names for `--allow`.
    static let names = (StartRisk.allCases.map(\.rawValue) + RedisRisk.allCases.map(\.rawValue)).sorted()

    /// - Parameter allowed: The values of `--allow`.
    /// - Throws: An `OperatorError` about an unknown name, or about names without the profile `prod`.
    init(_ profile: Profile?, allowing allowed: [String]) throws(OperatorError) {
        for name in allowed where !Self.names.contains(name) {
            throw OperatorError("--allow \(name): expected one of \(Self.names.joined(separator: ", "))")
        }
        guard allowed.isEmpty || profile == .prod else {
            throw OperatorError("--allow: only --profile prod refuses what could be allowed")
        }
        self.profile = profile
        self.allowed = Set(allowed)
    }

    func refuses(_ risk: StartRisk) -> Bool { profile == .prod && !allowed.contains(risk.rawValue) }

    /// The settings of Redis with which the sidecar is not ready.
    var refusedRedisRisks: Set<RedisRisk> {
        profile == .prod ? Set(RedisRisk.allCases.filter { !allowed.contains($0.rawValue) }) : []
    }
}

/// The check of the profile `prod` at the start.
struct StartCheck {
    /// A setting that is refused.
    struct Refusal: Equatable {
        var risk: StartRisk
        /// What it is, and what to do.
        var sentence: String
    }

    let settings: Settings
    let policy: Policy

    /// Throws an `OperatorError` with all refusals, if there are any.
    func run() throws(OperatorError) {
        let lines = refusals.map { "\n  \($0.sentence) (or --allow \($0.risk.rawValue))" }
        guard !lines.isEmpty else { return }
        throw OperatorError("--profile prod refuses to start:\(lines.joined())")
    }

    /// All refusals. Reads the modes of files.
    var refusals: [Refusal] {
        (embeddedRedis + openListeners + readableSecrets + policyWarnings).filter { settings.profile.refuses($0.risk) }
    }

    private var embeddedRedis: [Refusal] {
        guard settings.redis == nil else { return [] }
        return [
            Refusal(
                risk: .embeddedRedis,
                sentence: """
                    --redis is not set: the embedded Redis shares no limits with other hosts, and its counters are lost with \
                    the folder \(settings.dataFolder); name a Redis with --redis
                    """)
        ]
    }

    /// The TCP listeners without a token. Unix sockets can be opened by the user of the sidecar only.
    private var openListeners: [Refusal] {
        guard settings.server.token == nil else { return [] }
        return settings.server.listen.compactMap { address in
            guard case .tcp = address else { return nil }
            return Refusal(
                risk: .openListeners,
                sentence: """
                    --listen \(address): every user of this host can spend from the limits; set --token-file, or listen on \
                    unix:PATH alone
                    """)
        }
    }

    private var readableSecrets: [Refusal] {
        Self.exposed(settings.secretFiles) + exposedCredentials
    }

    /// The refusals of credentials of the policy's accounts.
    var exposedCredentials: [Refusal] {
        guard settings.profile.refuses(.readableSecrets) else { return [] }
        return Self.exposed(
            policy.accounts.sorted { $0.key < $1.key }.compactMap { id, account -> (String, String)? in
                guard case .file(let path)? = account.credential else { return nil }
                return ("account \(id)", path)
            })
    }

    private static func exposed(_ files: [(name: String, path: String)]) -> [Refusal] {
        files.compactMap { name, path in
            TextFile(path: path).exposure(named: name).map {
                Refusal(risk: .readableSecrets, sentence: $0.description)
            }
        }
    }

    private var policyWarnings: [Refusal] {
        policy.warnings.map {
            Refusal(risk: .policyWarnings, sentence: "--policy: \($0); change it so that it means what it says")
        }
    }
}
