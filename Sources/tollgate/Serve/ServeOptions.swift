import ArgumentParser

/// The options of `tollgate serve` as text. They are validated after merging with the environment and the file.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The policy file. (default: tollgate.yaml)", valueName: "file"))
    var policy: String?

    @Option(
        help: ArgumentHelp(
            "The file of model prices, read again when it changes. (default: prices: of the policy)", valueName: "file")
    )
    var prices: String?

    @Option(
        help: ArgumentHelp(
            "host:port or unix:PATH; may be repeated. (default: 127.0.0.1:7379)", valueName: "address"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "redis://[user:password@]host:port[/db] or unix:///path. (default: an embedded redis-server)",
            valueName: "url"))
    var redis: String?

    @Option(
        help: ArgumentHelp(
            "The folder of the journal, and of the embedded redis-server's data. (default: tollgate-data)",
            valueName: "folder"))
    var data: String?

    @Option(help: ArgumentHelp("The prefix of every key in Redis. (default: tollgate)", valueName: "name"))
    var namespace: String?

    @Option(
        help: ArgumentHelp(
            "The number of hash tags for Redis Cluster; fixed at the first start. (default: none)",
            valueName: "n"))
    var partitions: String?

    @Option(
        help: ArgumentHelp("The number of event loops, each with a connection to Redis. (default: 1)", valueName: "n"))
    var workers: String?

    @Option(help: ArgumentHelp("The time limit of a request. (default: 250ms)", valueName: "duration"))
    var deadline: String?

    @Option(
        help: ArgumentHelp(
            "The time after which an idle connection is closed, or off. (default: 300s, and off for loopback and Unix sockets)",
            valueName: "duration"))
    var idleTimeout: String?

    @Option(help: ArgumentHelp("The maximum number of connections. (default: 4096)", valueName: "n"))
    var maxConnections: String?

    @Option(help: ArgumentHelp("The file with the token that clients must send in AUTH.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "The address of the admin API: host:port, unix:PATH or off. (default: 127.0.0.1:7380)", valueName: "address"
        )
    )
    var admin: String?

    @Option(
        help: ArgumentHelp(
            "An additional host name of the admin API, such as a proxy's; may be repeated.",
            valueName: "name"))
    var adminHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "The file of access rules for the admin API. (default: a token in the data folder)", valueName: "file"))
    var adminAccess: String?

    @Option(
        help: ArgumentHelp(
            "Another address for metrics: host:port, unix:PATH or off. (default: on the admin API only)",
            valueName: "address"))
    var metrics: String?

    @Option(
        help: ArgumentHelp(
            "A kind of scopes whose limits have gauges in the metrics, such as user; may be repeated.",
            valueName: "kind"))
    var metricsScopes: [String] = []

    @Option(
        help: ArgumentHelp("The maximum number of scopes with gauges: 1 to 1000. (default: 200)", valueName: "n"))
    var metricsMaxScopes: String?

    @Option(
        help: ArgumentHelp(
            "The file of alert receivers, read again when it changes. (default: the log)", valueName: "file"))
    var alerts: String?

    @Option(
        help: ArgumentHelp(
            "The least level of log lines: trace, debug, info, notice, warning, error or critical. (default: info)",
            valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("The format of log lines: text or json. (default: text)", valueName: "format"))
    var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "dev prints links and commands at the start; prod refuses risky settings. (default: neither)",
            valueName: "profile"))
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "A name of what prod refuses, to allow it; may be repeated. The refusal has the name.", valueName: "name"))
    var allow: [String] = []

    @Option(help: ArgumentHelp("The settings file, in YAML: the options' names without the dashes.", valueName: "file"))
    var config: String?

    /// The options that were given, under the names that the environment and the file use.
    var given: [String: String] {
        var given = [
            "policy": policy, "prices": prices, "redis": redis, "data": data, "namespace": namespace,
            "partitions": partitions,
            "workers": workers,
            "deadline": deadline, "idle-timeout": idleTimeout, "max-connections": maxConnections,
            "token-file": tokenFile, "admin": admin, "admin-access": adminAccess, "alerts": alerts,
            "metrics": metrics, "metrics-max-scopes": metricsMaxScopes,
            "log-level": logLevel, "log-format": logFormat, "profile": profile,
        ].compactMapValues { $0 }
        if !listen.isEmpty { given["listen"] = listen.joined(separator: ",") }
        if !adminHost.isEmpty { given["admin-host"] = adminHost.joined(separator: ",") }
        if !metricsScopes.isEmpty { given["metrics-scopes"] = metricsScopes.joined(separator: ",") }
        if !allow.isEmpty { given["allow"] = allow.joined(separator: ",") }
        return given
    }

    /// The names that the settings file may contain.
    static let names = [
        "policy", "prices", "listen", "redis", "data", "namespace", "partitions", "workers", "deadline", "idle-timeout",
        "max-connections",
        "token-file", "admin", "admin-host", "admin-access", "metrics", "metrics-scopes",
        "metrics-max-scopes", "alerts", "log-level", "log-format", "profile", "allow",
    ]

    /// The names that may have lists in the settings file.
    static let listNames: Set = ["listen", "admin-host", "metrics-scopes", "allow"]
}
