package import TollgateServer

/// What the admin API needs to know besides the sidecar.
package struct AdminSettings: Sendable {
    /// Where it listens; port 0 has the system choose one.
    package var address: ListenAddress
    /// Who is let in.
    package var access: AccessSettings

    package init(address: ListenAddress, access: AccessSettings) {
        self.address = address
        self.access = access
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
