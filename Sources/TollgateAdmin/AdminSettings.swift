package import TollgatePolicy
package import TollgateServer

/// The settings of the admin API.
package struct AdminSettings: Sendable {
    /// The address to bind. Port 0 lets the system choose a port.
    package var address: ListenAddress
    /// The access rules.
    package var access: AccessSettings
    /// Additional host names by which clients reach the API, such as that of a proxy.
    package var hosts: [String]

    package init(address: ListenAddress, access: AccessSettings, hosts: [String] = []) {
        self.address = address
        self.access = access
        self.hosts = hosts
    }

    /// Throws an error unless a value of `--admin-host` is a host without a port.
    package static func validate(host: String) throws(OperatorError) {
        guard let name = HostName(host), name.name == host.lowercased() else {
            throw OperatorError("--admin-host \(host): expected a host name or address without a port")
        }
    }

    /// Parses the value of `--admin`. Returns nil for `off`. Throws an error that names the option.
    package static func address(parsing text: String) throws(OperatorError) -> ListenAddress? {
        if text == "off" { return nil }
        do throws(OperatorError) {
            return try ListenAddress(parsing: text)
        } catch {
            let sentence = error.description.replacing("--listen", with: "--admin", maxReplacements: 1)
            throw OperatorError("\(sentence), or off")
        }
    }
}
