import Foundation
import TollgateCore
import TollgatePolicy
import TollgateProviders

extension ProviderClient {
    /// Reads the usage of an account, with the credential that its source has now.
    func usage(of reading: AccountReaders.Reading) async -> Result<ProviderUsage, ProviderFailure> {
        do throws(OperatorError) {
            guard let source = reading.account.credential else { return .success(ProviderUsage()) }
            let access = try ProviderAccess(reading.account, credential: try source.credential())
            do throws(ProviderFailure) {
                return .success(try await usage(of: access, days: reading.days, now: reading.now / 1_000))
            } catch {
                return .failure(error)
            }
        } catch {
            return .failure(ProviderFailure(.settings, message: error.description))
        }
    }
}

/// The access to an account at its provider, with the credential that its source has now.
extension ProviderAccess {
    /// Reads the credential, and checks the settings of the account.
    ///
    /// - Throws: An `OperatorError` that names the setting, and never quotes the credential.
    init(_ account: Account, credential: ProviderCredential) throws(OperatorError) {
        let filters = ProviderFilters(
            workspaceIDs: account.filters["workspace_ids"] ?? [], projectIDs: account.filters["project_ids"] ?? [],
            apiKeyIDs: account.filters["api_key_ids"] ?? [])
        do throws(Fault) {
            try self.init(kind: account.provider, baseURL: account.baseURL, credential: credential, filters: filters)
        } catch {
            throw OperatorError(error.description)
        }
    }
}

extension Account.CredentialSource {
    /// Reads the credential.
    ///
    /// - Throws: An `OperatorError` that names the file or the variable.
    func credential() throws(OperatorError) -> ProviderCredential {
        let (name, text): (String, String)
        switch self {
        case .file(let path):
            name = "credential_file \(path)"
            do throws(TextFile.Fault) {
                text = try TextFile(path: path).text()
            } catch {
                throw OperatorError("\(name): \(error.sentence)")
            }
        case .environment(let variable):
            name = "credential_env \(variable)"
            guard let value = ProcessInfo.processInfo.environment[variable] else {
                throw OperatorError("\(name): is not set in the environment of the sidecar")
            }
            text = value
        }
        guard let credential = ProviderCredential(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw OperatorError(
                "\(name): expected one line of 1 to \(ProviderCredential.maxLength) characters without spaces")
        }
        return credential
    }
}
