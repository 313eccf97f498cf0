package import TollgateAdmin

/// The dashboard: pages for browsers on the listener of the admin API.
///
/// Pages read the stores of the sidecar directly. All changes are calls of the admin API on behalf of the user
/// (`LocalAdmin`), so that both have the same rules, error sentences and audit log.
package struct Dashboard: Sendable {
    let pages: PageServer

    package init(_ admin: LocalAdmin) {
        pages = PageServer(admin)
    }

    /// The pages for the listener of the admin API.
    package var browserPages: BrowserPages {
        BrowserPages(routes: routes) { await pages.problemPage($0, for: $1) }
    }

    /// The routes of all pages and assets.
    var routes: [Route] {
        Assets.routes + SignInPages(pages: pages).routes + OverviewPage(pages: pages).routes
            + UsagePages(pages: pages).routes + NewScopePage(pages: pages).routes
            + ScopeForms(pages: pages).routes + AnalyticsPage(pages: pages).routes
            + AlertPages(pages: pages).routes + ProviderPages(pages: pages).routes + settings + reports
    }

    /// The routes of the pages that edit settings.
    private var settings: [Route] {
        TierPages(pages: pages).routes + AssignmentPages(pages: pages).routes + OverridePages(pages: pages).routes
    }

    /// The routes of the pages that explain and report.
    private var reports: [Route] {
        WhoPage(pages: pages).routes + AuditPage(pages: pages).routes + DeliveryPages(pages: pages).routes
            + PolicyPages(pages: pages).routes + SystemPage(pages: pages).routes
    }
}
