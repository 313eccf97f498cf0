package import TollgateServer

/// What the admin API needs to know besides the sidecar.
package struct AdminSettings: Sendable {
    /// Where it listens; port 0 has the system choose one.
    package var address: ListenAddress
    /// Who is let in.
    package var access: AccessSettings
    /// Names besides its address by which clients reach it: that of a proxy, or of its service.
    package var hosts: [String]

    package init(address: ListenAddress, access: AccessSettings, hosts: [String] = []) {
        self.address = address
        self.access = access
        self.hosts = hosts
    }

    /// Throws a sentence where a name of `--admin-host` is not a host alone.
    package static func validate(host: String) throws(AdminError) {
        guard let name = HostName(host), name.name == host.lowercased() else {
            throw AdminError("--admin-host \(host): expected the name or address of a host, without a port")
        }
    }

    /// Reads the address of `--admin`; nil is `off`. Throws a sentence that names the option.
    package static func address(parsing text: String) throws(AdminError) -> ListenAddress? {
        if text == "off" { return nil }
        do throws(ServerError) {
            return try ListenAddress(parsing: text)
        } catch {
            let sentence = error.description.replacing("--listen", with: "--admin", maxReplacements: 1)
            throw AdminError("\(sentence), or off")
        }
    }
}
