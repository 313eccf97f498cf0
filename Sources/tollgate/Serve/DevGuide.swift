import TollgateServer

/// The lines that a sidecar with the profile `dev` prints when it has started: its addresses, commands to try, and a link
/// that signs in to the dashboard. Pure.
struct DevGuide {
    /// The origin of the token that clients send.
    enum ClientToken: Equatable {
        case file(String)
        case environment
    }

    /// The addresses for clients.
    var clients: [ListenAddress]
    /// The token of clients; nil if they need none.
    var token: ClientToken?
    /// The address of the admin API; nil if it is off.
    var admin: ListenAddress?
    /// The file of the generated admin token; nil with a file of access rules.
    var adminTokenFile: String?
    /// The path of a link that signs in, and the minutes for which it is valid; nil without a token that can sign in.
    var link: (path: String, minutes: Int64)?

    /// The text, with a line end.
    var text: String {
        let sections = [("clients", clientLines), ("admin API", adminLines), ("dashboard", dashboardLines)]
        let lines = sections.flatMap { name, lines in
            lines.enumerated().map { index, line in
                "  " + (index == 0 ? name : "").padded(to: 11) + line
            }
        }
        return "\nThe profile dev prints these lines. They are not for production.\n\n"
            + lines.joined(separator: "\n") + "\n\n"
    }

    // MARK: - Sections

    private var clientLines: [String] {
        guard let first = clients.first else { return [] }
        let connect = first == Self.defaultClients ? "" : " --connect \(ShellWord.quoted(first.description))"
        let (secret, file) =
            switch token {
            case .file(let path)?:
                (" -a \"$(cat \(ShellWord.quoted(path)))\"", " --token-file \(ShellWord.quoted(path))")
            case .environment?: (" -a \"$TOLLGATE_TOKEN\"", "")
            case nil: ("", "")
            }
        return clients.map(\.description) + [
            "tollgate check user=alice\(connect)\(file)", "redis-cli\(Self.redisCli(first))\(secret) CHECK user=alice",
        ]
    }

    private var adminLines: [String] {
        guard let admin else { return ["off"] }
        let connect = admin == Self.defaultAdmin ? "" : " --admin \(ShellWord.quoted(admin.description))"
        guard let adminTokenFile else {
            return [Self.base(admin), "tollgate tier list\(connect) --admin-token-file FILE"]
        }
        let isFound = adminTokenFile == "tollgate-data/admin-token"
        let file = isFound ? "" : " --admin-token-file \(ShellWord.quoted(adminTokenFile))"
        return [Self.base(admin), "token in \(adminTokenFile)", "tollgate tier list\(connect)\(file)"]
    }

    private var dashboardLines: [String] {
        guard let admin, case .tcp = admin else { return [] }
        guard let link else { return [Self.base(admin), "sign in there with a token of --admin-access"] }
        return [
            Self.base(admin) + link.path, "signs in once, within \(link.minutes) minutes; later: tollgate dashboard",
        ]
    }

    // MARK: - Addresses

    private static let defaultClients = ListenAddress.tcp(host: "127.0.0.1", port: 7379)
    private static let defaultAdmin = ListenAddress.tcp(host: "127.0.0.1", port: 7380)

    /// The options of redis-cli for an address.
    private static func redisCli(_ address: ListenAddress) -> String {
        switch address {
        case .unix(let path): " -s \(ShellWord.quoted(path))"
        case .tcp(let host, let port): (isHere(host) ? "" : " -h \(host)") + " -p \(port)"
        }
    }

    private static func base(_ address: ListenAddress) -> String {
        switch address {
        case .unix: address.description
        case .tcp(let host, let port):
            "http://\(ListenAddress.tcp(host: isHere(host) ? "127.0.0.1" : host, port: port))"
        }
    }

    /// Whether the host is reached by 127.0.0.1.
    private static func isHere(_ host: String) -> Bool { ["127.0.0.1", "localhost", "0.0.0.0"].contains(host) }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 1)) }
}
