extension RedisAddress {
    /// Parses `redis://[user[:password]@]host[:port][/db]` or `unix://[user:password@]/path[?db=N]`.
    ///
    /// User, password and path may be percent-encoded. Throws ``RedisError/badAddress(_:)``, whose sentence never repeats
    /// text that could be part of a password.
    package init(_ text: String) throws(RedisError) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw Self.bad("expected redis://host:port or unix:///path/to/redis.sock")
        }
        let rest = text[text.index(colon, offsetBy: 3)...]
        switch text[..<colon].lowercased() {
        case "redis": try self.init(tcp: rest)
        case "unix": try self.init(unix: rest)
        case "rediss": throw Self.bad("TLS (rediss://) is not supported yet; use redis:// or unix://")
        default: throw Self.bad("expected an address that starts with redis:// or unix://")
        }
    }

    private init(tcp text: Substring) throws(RedisError) {
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        let path = text[slash...].dropFirst()
        guard !path.contains("@") else {
            throw Self.bad("a / in the user or the password must be written %2F")
        }
        guard !text[slash...].contains("?") else { throw Self.bad("redis:// takes no options after a ?") }
        let (login, host) = Self.split(text[..<slash])
        self.init(
            endpoint: try Self.endpoint(host),
            credentials: try login.map { login throws(RedisError) in try Self.credentials(login) },
            database: path.isEmpty ? 0 : try Self.database(path))
    }

    private init(unix text: Substring) throws(RedisError) {
        guard let slash = text.firstIndex(of: "/") else {
            throw Self.bad("unix:// needs an absolute path, as in unix:///run/redis/redis.sock")
        }
        let (login, host) = Self.split(text[..<slash])
        guard host.isEmpty else {
            throw Self.bad("unix:// takes no host: three slashes, as in unix:///run/redis/redis.sock")
        }
        let question = text.firstIndex(of: "?") ?? text.endIndex
        guard slash < question, let path = Self.decode(text[slash..<question]), path.utf8.count > 1 else {
            throw Self.bad("unix:// needs an absolute path, with % written as %25")
        }
        guard path.utf8.count <= Self.maxSocketPathLength else {
            throw Self.bad("the path of a Unix socket must have at most \(Self.maxSocketPathLength) bytes")
        }
        self.init(
            endpoint: .unix(path: path),
            credentials: try login.map { login throws(RedisError) in try Self.credentials(login) },
            database: try Self.database(ofOptions: text[question...].dropFirst()))
    }
}

extension RedisAddress {
    /// Returns an error that names the option. It must not repeat the text, which may contain a password.
    private static func bad(_ sentence: String) -> RedisError {
        .badAddress("--redis: \(sentence)")
    }

    /// Splits an authority at its last `@`.
    private static func split(_ authority: Substring) -> (login: Substring?, host: Substring) {
        guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
        return (authority[..<at], authority[authority.index(after: at)...])
    }

    private static func credentials(_ text: Substring) throws(RedisError) -> (user: String?, password: String) {
        guard let colon = text.firstIndex(of: ":") else {
            throw bad("expected user:password@, or :password@ for the default user")
        }
        guard let user = decode(text[..<colon]), let password = decode(text[colon...].dropFirst()) else {
            throw bad("a % in the user or the password must be written %25")
        }
        guard !password.isEmpty else { throw bad("the password before the @ is empty") }
        return (user.isEmpty ? nil : user, password)
    }

    private static func endpoint(_ text: Substring) throws(RedisError) -> Endpoint {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { throw bad("the [ of an IPv6 address is not closed") }
            host = text[..<bracket].dropFirst()
            let rest = text[bracket...].dropFirst()
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw bad("expected :port after the ] of an IPv6 address")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[colon...].dropFirst()
            guard port?.contains(":") == false else {
                throw bad("an IPv6 address must be in brackets, as in [::1]:6379")
            }
        }
        guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else {
            throw bad("the host is missing or not a host name")
        }
        guard let port else { return .tcp(host: String(host), port: 6379) }
        guard let number = number(port), (1...65_535).contains(number) else {
            throw bad("the port must be a number from 1 to 65535")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...: true
        default: "._-:%".utf8.contains(byte)
        }
    }

    private static func database(_ text: Substring) throws(RedisError) -> Int {
        guard let number = number(text), number <= Int(Int32.max) else {
            throw bad("the database must be a number, 0 or more")
        }
        return number
    }

    private static func database(ofOptions text: Substring) throws(RedisError) -> Int {
        guard !text.isEmpty else { return 0 }
        guard text.hasPrefix("db=") else { throw bad("the only option after the ? is db=N") }
        return try database(text.dropFirst(3))
    }

    /// Parses digits only: `Int` also accepts a sign.
    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    /// Decodes percent escapes. Returns nil for an incomplete escape, bytes that are not UTF-8, or a NUL.
    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
