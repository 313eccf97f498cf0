import Configuration
import Foundation
import Logging
import TollgateAdmin
import TollgateCore
import TollgateDelivery
import TollgatePolicy
import TollgateRedis
import TollgateServer

/// The settings of `tollgate serve`, merged from flags, environment, file and defaults.
struct Settings {
    var policyPath: String
    /// The file of model prices; nil for none.
    var pricePath: String?
    var dataFolder: String
    /// The address of Redis. Nil starts an embedded redis-server.
    var redis: RedisAddress?
    /// The address of the admin API. Nil disables it.
    var adminAddress: ListenAddress?
    /// Additional host names of the admin API.
    var adminHosts: [String]
    /// The access rules of the admin API. Nil generates a token in the data folder.
    var adminAccess: AccessSettings?
    /// The address of another listener for metrics. Nil for none.
    var metricsAddress: ListenAddress?
    /// The scopes that have gauges of their own in metrics.
    var scopeGauges: ScopeGaugeSettings
    /// The receivers of alerts. Nil uses the log only.
    var alerts: AlertsFile.Contents?
    /// The file of the clients' token. Nil if there is no token, or if it comes from the environment.
    var tokenFile: ClientTokenFile.Contents?
    var logLevel: Logger.Level
    var logFormat: LogFormat
    /// The profile, and what it allows.
    var profile: ProfileSettings
    /// The settings file, if it contains the password of Redis.
    var secretSettingsFile: String?
    /// Warnings for the log.
    var warnings: [String]
    private(set) var server: ServerSettings

    init(
        policyPath: String, pricePath: String?, dataFolder: String, redis: RedisAddress?,
        adminAddress: ListenAddress?, adminHosts: [String], adminAccess: AccessSettings?,
        metricsAddress: ListenAddress?, scopeGauges: ScopeGaugeSettings, alerts: AlertsFile.Contents?,
        tokenFile: ClientTokenFile.Contents?,
        logLevel: Logger.Level,
        logFormat: LogFormat, profile: ProfileSettings, secretSettingsFile: String?,
        warnings: [String],
        server: ServerSettings
    ) {
        self.policyPath = policyPath
        self.pricePath = pricePath
        self.dataFolder = dataFolder
        self.redis = redis
        self.adminAddress = adminAddress
        self.adminHosts = adminHosts
        self.adminAccess = adminAccess
        self.metricsAddress = metricsAddress
        self.scopeGauges = scopeGauges
        self.alerts = alerts
        self.tokenFile = tokenFile
        self.logLevel = logLevel
        self.logFormat = logFormat
        self.profile = profile
        self.secretSettingsFile = secretSettingsFile
        self.warnings = warnings
        self.server = server
    }

    /// The files that contain secrets, each with the name of its option.
    var secretFiles: [(name: String, path: String)] {
        [("--config", secretSettingsFile), ("--token-file", tokenFile?.file.path)].compactMap { name, path in
            path.map { (name, $0) }
        } + (adminAccess?.secretFiles ?? []).map { ("--admin-access", $0) }
            + (alerts?.secretFiles ?? []).map { ("--alerts", $0) }
    }

    /// Throws an error if another process listens on a port of this sidecar.
    func requireUnusedPorts() throws(OperatorError) {
        for address in server.listen { try address.requireUnused("--listen") }
        try adminAddress?.requireUnused("--admin")
        try metricsAddress?.requireUnused("--metrics")
    }

    func server(redis: RedisAddress) -> ServerSettings {
        var settings = server
        settings.redis = redis
        settings.refusedRedisRisks = profile.refusedRedisRisks
        settings.journalPath = dataFolder + "/journal.sqlite"
        return settings
    }
}

/// Looks up each setting in the flags, then in the environment (`TOLLGATE_…`), then in the settings file.
struct SettingsReader {
    private let options: ServeOptions

    init(options: ServeOptions) {
        self.options = options
    }

    /// Reads the settings. Throws an error that names the first invalid option.
    func read() async throws -> Settings {
        var faults = SettingsFaults(areCollected: false)
        return try await read(&faults)
    }

    /// Reads the settings without the files that they name and that cannot be used, whose errors are returned. Throws an
    /// error about any other invalid option.
    func readWithFaults() async throws -> (settings: Settings, faults: [SettingsFaults.Fault]) {
        var faults = SettingsFaults(areCollected: true)
        let settings = try await read(&faults)
        return (settings, faults.found)
    }

    private func read(_ faults: inout SettingsFaults) async throws -> Settings {
        try EnvironmentNames.check(ProcessInfo.processInfo.environment.keys)
        let environment = EnvironmentVariablesProvider().prefixKeys(with: "tollgate")
        let file = options.config ?? ConfigReader(provider: environment).string(forKey: "config")
        let fileSettings = try file.map(SettingsFile.read) ?? [:]
        let reader = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: Self.values(options.given)),
            environment,
            InMemoryProvider(name: "file", values: Self.values(fileSettings)),
        ])
        let redis = try reader.string(forKey: "redis").map { try RedisAddress($0) }
        var server = ServerSettings(
            redis: try redis ?? RedisAddress("redis://127.0.0.1"),
            workers: try number(reader, "workers") ?? 1)
        if let listen = reader.string(forKey: "listen") {
            server.listen = try listen.split(separator: ",").map { try ListenAddress(parsing: String($0)) }
        }
        server.namespace = reader.string(forKey: "namespace") ?? server.namespace
        server.partitions = try number(reader, "partitions")
        server.deadline = try duration(reader, "deadline") ?? server.deadline
        server.idleTimeout = try idleTimeout(reader) ?? server.idleTimeout
        server.maxConnections = try number(reader, "max-connections") ?? server.maxConnections
        let tokenFile = try await faults.collecting("token-file") {
            try reader.string(forKey: "token-file").map { try ClientTokenFile(path: $0).read() }
        }
        server.token = tokenFile?.token
        if tokenFile == nil {
            server.token = try await faults.collecting("token-file") { try tokenOfEnvironment() }
        }
        if faults.found.isEmpty { try server.validate() }
        let hasPassword = (try? fileSettings["redis"].map { try RedisAddress($0) })?.password != nil
        let profile = try ProfileSettings(
            oneOf(Profile.allCases, reader, "profile"),
            allowing: reader.string(forKey: "allow")?.split(separator: ",").map(String.init) ?? [])
        let adminAddress = try AdminSettings.address(
            parsing: reader.string(forKey: "admin") ?? "127.0.0.1:7380", .admin)
        let metricsAddress = try AdminSettings.address(parsing: reader.string(forKey: "metrics") ?? "off", .metrics)
        if let metricsAddress, metricsAddress == adminAddress, !metricsAddress.isAnyPort {
            throw OperatorError("--metrics \(metricsAddress): the admin API listens there, and serves metrics too")
        }
        return Settings(
            policyPath: reader.string(forKey: "policy") ?? "tollgate.yaml",
            pricePath: reader.string(forKey: "prices"),
            dataFolder: reader.string(forKey: "data") ?? "tollgate-data",
            redis: redis,
            adminAddress: adminAddress,
            adminHosts: try hosts(reader),
            adminAccess: try await faults.collecting("admin-access") {
                try await access(reader, to: adminAddress, metricsAddress)
            },
            metricsAddress: metricsAddress, scopeGauges: try scopeGauges(reader),
            alerts: try await faults.collecting("alerts") {
                try reader.string(forKey: "alerts").map { try AlertsFile(path: $0).read() }
            },
            tokenFile: tokenFile,
            logLevel: try oneOf(Logger.Level.allCases, reader, "log-level") ?? .info,
            logFormat: try oneOf(LogFormat.allCases, reader, "log-format") ?? .text, profile: profile,
            secretSettingsFile: hasPassword ? file : nil,
            warnings: [tokenFile?.warning].compactMap(\.self),
            server: server)
    }

    private func hosts(_ reader: ConfigReader) throws -> [String] {
        let hosts = reader.string(forKey: "admin-host")?.split(separator: ",").map(String.init) ?? []
        for host in hosts { try AdminSettings.validate(host: host) }
        return hosts
    }

    private func access(
        _ reader: ConfigReader, to address: ListenAddress?, _ metricsAddress: ListenAddress?
    ) async throws -> AccessSettings? {
        if let file = reader.string(forKey: "admin-access") { return try await AccessFile(path: file).read() }
        if let address { try AccessSettings.validate(address: address, .admin) }
        if let metricsAddress { try AccessSettings.validate(address: metricsAddress, .metrics) }
        return nil
    }

    private func scopeGauges(_ reader: ConfigReader) throws -> ScopeGaugeSettings {
        var settings = ScopeGaugeSettings()
        for text in reader.string(forKey: "metrics-scopes")?.split(separator: ",") ?? [] {
            do throws(ScopeError) {
                let kind = try ScopeKind(parsing: String(text))
                if !settings.kinds.contains(kind) { settings.kinds.append(kind) }
            } catch {
                throw OperatorError("--metrics-scopes \(text): \(error)")
            }
        }
        guard let max = try number(reader, "metrics-max-scopes") else { return settings }
        guard (1...ScopeGaugeSettings.mostScopes).contains(max) else {
            throw OperatorError("--metrics-max-scopes \(max): expected 1 to \(ScopeGaugeSettings.mostScopes)")
        }
        settings.maxScopes = max
        return settings
    }

    private static func values(_ texts: [String: String]) -> [AbsoluteConfigKey: ConfigValue] {
        Dictionary(
            uniqueKeysWithValues: texts.map { name, text in
                (AbsoluteConfigKey([name]), ConfigValue(.string(text), isSecret: false))
            })
    }

    private func number(_ reader: ConfigReader, _ name: String) throws -> Int? {
        guard let text = reader.string(forKey: ConfigKey([name])) else { return nil }
        guard let number = Int(text) else { throw OperatorError("--\(name) \(text): expected a whole number") }
        return number
    }

    private func duration(_ reader: ConfigReader, _ name: String) throws -> Duration? {
        guard let text = reader.string(forKey: ConfigKey([name])) else { return nil }
        guard let duration = Duration(setting: text) else {
            throw OperatorError("--\(name) \(text): expected a duration such as 250ms, 5s or 10m")
        }
        return duration
    }

    private func idleTimeout(_ reader: ConfigReader) throws -> IdleTimeout? {
        guard let text = reader.string(forKey: "idle-timeout") else { return nil }
        if text == "off" { return .off }
        guard let time = Duration(setting: text) else {
            throw OperatorError("--idle-timeout \(text): expected a duration such as 5s or 10m, or off")
        }
        return .after(time)
    }

    private func oneOf<Value: RawRepresentable<String>>(
        _ values: [Value], _ reader: ConfigReader, _ name: String
    ) throws -> Value? {
        guard let text = reader.string(forKey: ConfigKey([name])) else { return nil }
        guard let value = Value(rawValue: text.lowercased()) else {
            let names = values.map(\.rawValue)
            let list = "\(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")"
            throw OperatorError("--\(name) \(text): expected \(list)")
        }
        return value
    }

    /// Reads the token itself, which comes from the environment, never from a flag, which other users of the host can see.
    private func tokenOfEnvironment() throws -> String? {
        try ProcessInfo.processInfo.environment["TOLLGATE_TOKEN"].map {
            try ClientToken.checked($0, "TOLLGATE_TOKEN")
        }
    }
}

extension Duration {
    /// Parses a whole number with the unit `ms`, `s`, `m` or `h`.
    init?(setting text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(count)
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3_600)
        default: return nil
        }
    }
}
