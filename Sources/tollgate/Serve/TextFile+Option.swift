import TollgateCore
import TollgatePolicy
import TollgateServer

extension TextFile {
    /// Reads the file. Throws an error that names the option and the file.
    func text(namedBy option: String) throws(OperatorError) -> String {
        do throws(Fault) {
            return try text()
        } catch {
            throw OperatorError("\(option) \(path): \(error.sentence)")
        }
    }
}
