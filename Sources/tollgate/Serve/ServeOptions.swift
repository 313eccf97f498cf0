import ArgumentParser

/// The options of `tollgate serve` as text. They are validated after merging with the environment and the file.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The policy file. (default: tollgate.yaml)", valueName: "file"))
    var policy: String?

    @Option(
        help: ArgumentHelp(
            "host:port or unix:PATH; may be repeated. (default: 127.0.0.1:7379)", valueName: "address"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "redis://[user:password@]host:port[/db] or unix:///path; without it a redis-server is started.",
            valueName: "url"))
    var redis: String?

    @Option(
        help: ArgumentHelp(
            "Folder for the journal, and for the data of a redis-server started here. (default: tollgate-data)",
            valueName: "folder"))
    var data: String?

    @Option(help: ArgumentHelp("What every key in Redis starts with. (default: tollgate)", valueName: "name"))
    var namespace: String?

    @Option(
        help: ArgumentHelp(
            "For Redis Cluster: spread the scopes over n hash tags; fixed with the first start. (default: none)",
            valueName: "n"))
    var partitions: String?

    @Option(help: ArgumentHelp("Event loops, each with a connection to Redis. (default: 1)", valueName: "n"))
    var workers: String?

    @Option(help: ArgumentHelp("How long a request may wait for Redis. (default: 250ms)", valueName: "duration"))
    var deadline: String?

    @Option(
        help: ArgumentHelp(
            "Close a connection that sends no request for so long. (default: 300s)", valueName: "duration"))
    var idleTimeout: String?

    @Option(help: ArgumentHelp("Connections at a time. (default: 4096)", valueName: "n"))
    var maxConnections: String?

    @Option(help: ArgumentHelp("File that holds the token clients must name in AUTH.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "Where the admin API listens: host:port, unix:PATH or off. (default: 127.0.0.1:7380)", valueName: "address")
    )
    var admin: String?

    @Option(
        help: ArgumentHelp(
            "A name by which the admin API is reached besides its address, such as a proxy's; may be repeated.",
            valueName: "name"))
    var adminHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "File that says whom the admin API lets in. (default: a token made in the data folder)", valueName: "file"))
    var adminAccess: String?

    @Option(
        help: ArgumentHelp(
            "File that says who is told of alerts; read at the start only. (default: the log)", valueName: "file"))
    var alerts: String?

    @Option(help: ArgumentHelp("File of settings, in YAML: the options' names without the dashes.", valueName: "file"))
    var config: String?

    /// The options that were given, under the names that the environment and the file use.
    var given: [String: String] {
        var given = [
            "policy": policy, "redis": redis, "data": data, "namespace": namespace, "partitions": partitions,
            "workers": workers,
            "deadline": deadline, "idle-timeout": idleTimeout, "max-connections": maxConnections,
            "token-file": tokenFile, "admin": admin, "admin-access": adminAccess, "alerts": alerts,
        ].compactMapValues { $0 }
        if !listen.isEmpty { given["listen"] = listen.joined(separator: ",") }
        if !adminHost.isEmpty { given["admin-host"] = adminHost.joined(separator: ",") }
        return given
    }

    /// The names that the settings file may contain.
    static let names = [
        "policy", "listen", "redis", "data", "namespace", "partitions", "workers", "deadline", "idle-timeout",
        "max-connections",
        "token-file", "admin", "admin-host", "admin-access", "alerts",
    ]

    /// The names that may have lists in the settings file.
    static let listNames: Set = ["listen", "admin-host"]
}
