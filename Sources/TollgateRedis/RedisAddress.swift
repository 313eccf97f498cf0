/// The endpoint of a Redis, the credentials for it and the database to select.
package struct RedisAddress: Sendable, Hashable {
    /// A TCP host and port, or a Unix socket.
    package enum Endpoint: Sendable, Hashable {
        /// A host name or IP address (IPv6 without brackets) and a port of 1...65535.
        case tcp(host: String, port: Int)
        /// An absolute path of at most ``RedisAddress/maxSocketPathLength`` bytes.
        case unix(path: String)
    }

    /// The maximum length of a Unix socket's path on Linux, in bytes.
    package static let maxSocketPathLength = 107

    /// The endpoint to connect to.
    package let endpoint: Endpoint
    /// The ACL user, or nil for Redis's default user.
    package let user: String?
    /// The password, or nil for no authentication. It is never printed.
    package let password: String?
    /// The database number for SELECT, 0 or more.
    package let database: Int

    /// Creates the address of a Redis on a Unix socket, without a password.
    package init(unixSocket path: String) {
        self.init(endpoint: .unix(path: path))
    }

    /// Creates an address from its parts.
    package init(endpoint: Endpoint, credentials: (user: String?, password: String)? = nil, database: Int = 0) {
        self.endpoint = endpoint
        user = credentials?.user
        password = credentials?.password
        self.database = database
    }
}

extension RedisAddress: CustomStringConvertible {
    /// The address in the syntax of `--redis`, with `***` instead of the password.
    package var description: String {
        let login = password.map { _ in "\(user ?? ""):***@" } ?? ""
        switch endpoint {
        case .tcp(let host, let port):
            let hostAndPort = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            return "redis://\(login)\(hostAndPort)" + (database == 0 ? "" : "/\(database)")
        case .unix(let path):
            return "unix://\(login)\(path)" + (database == 0 ? "" : "?db=\(database)")
        }
    }
}
