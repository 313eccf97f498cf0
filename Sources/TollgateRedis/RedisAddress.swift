/// Where a Redis is and how to enter it.
package struct RedisAddress: Sendable, Hashable {
    /// What is connected to.
    package enum Endpoint: Sendable, Hashable {
        /// A name or IP address (IPv6 without brackets) and a port of 1...65535.
        case tcp(host: String, port: Int)
        /// An absolute path of at most ``RedisAddress/maxSocketPathLength`` bytes.
        case unix(path: String)
    }

    /// The longest path that a Unix socket may have, in bytes, on Linux.
    package static let maxSocketPathLength = 107

    /// What to connect to.
    package let endpoint: Endpoint
    /// Nil for Redis's default user.
    package let user: String?
    /// Never printed.
    package let password: String?
    /// The number that SELECT takes, 0 or more.
    package let database: Int

    /// A Redis on a Unix socket without a password.
    package init(unixSocket path: String) {
        self.init(endpoint: .unix(path: path))
    }

    package init(endpoint: Endpoint, credentials: (user: String?, password: String)? = nil, database: Int = 0) {
        self.endpoint = endpoint
        user = credentials?.user
        password = credentials?.password
        self.database = database
    }
}

extension RedisAddress: CustomStringConvertible {
    /// As it would be written after `--redis`, with `***` in place of the password.
    package var description: String {
        let login = password.map { _ in "\(user ?? ""):***@" } ?? ""
        switch endpoint {
        case .tcp(let host, let port):
            let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            return "redis://\(login)\(place)" + (database == 0 ? "" : "/\(database)")
        case .unix(let path):
            return "unix://\(login)\(path)" + (database == 0 ? "" : "?db=\(database)")
        }
    }
}
