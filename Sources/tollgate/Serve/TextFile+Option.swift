import TollgateCore
import TollgatePolicy
import TollgateServer

extension TextFile {
    /// Reads the file. Throws an error that names the option and the file.
    func text(namedBy option: String) throws(ServerError) -> String {
        do throws(Fault) {
            return try text()
        } catch {
            throw ServerError("\(option) \(path): \(error.sentence)")
        }
    }
}
