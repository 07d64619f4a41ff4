// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // The generic code of the protocols is specialised for its suite only where its body can be seen.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// What a device runs: no Foundation, no NIO, no existentials. Scripts/check-embedded compiles these for a Cortex-M.
func deviceTarget(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, path: "Tests/" + name, exclude: exclude,
        resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "sotto",
    products: [
        .executable(name: "sotto", targets: ["sotto"]),
        .library(name: "DeviceClient", targets: ["DeviceClient"]),
        // For Tests/Dictionary.
        .library(name: "CoAP", targets: ["CoAP"]),
        .library(name: "CompactMatrix", targets: ["CompactMatrix"]),
        .library(name: "MatrixJSON", targets: ["MatrixJSON"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CClock"),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CCBOR", pkgConfig: "libcbor", providers: [.apt(["libcbor-dev"])]),
        .systemLibrary(name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        deviceTarget("CBOR"),
        deviceTarget("Links"),
        deviceTarget("CoAP"),
        deviceTarget("Noise"),
        deviceTarget("SecureDatagram", ["Noise"]),
        deviceTarget("CompactMatrix", ["CBOR", "CoAP"]),
        deviceTarget("DeviceClient", ["CBOR", "CoAP", "CompactMatrix", "Links", "Noise", "SecureDatagram"]),

        .target(name: "NoiseSodium", dependencies: ["CSodium", "Noise"], swiftSettings: strict),
        .target(
            name: "MatrixJSON", dependencies: ["CCBOR", "CZlib", "CoAP", "CompactMatrix"], exclude: ["Tables"],
            swiftSettings: strict),
        .target(
            name: "ExchangeMeasure",
            dependencies: [
                "CBOR", "CoAP", "CompactMatrix", "MatrixJSON", "Noise", "NoiseSodium", "SecureDatagram",
            ],
            swiftSettings: strict),
        .target(
            name: "GatewayCore",
            dependencies: ["CBOR", "CoAP", "CompactMatrix", "Links", "MatrixJSON", "Noise", "SecureDatagram"],
            swiftSettings: strict),
        .target(
            name: "GatewayStore",
            dependencies: ["GatewayCore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "Homeserver",
            dependencies: [
                "MatrixJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(name: "ConformanceSite", dependencies: ["CoAP"], swiftSettings: strict),
        .executableTarget(
            name: "coap-conformance-server",
            dependencies: [
                "CoAP", "ConformanceSite",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "coap-probe", dependencies: ["CoAP"], swiftSettings: strict),
        .target(
            name: "LinkModel", dependencies: ["Links"], path: "Simulator/LinkModel", swiftSettings: strict),
        .target(
            name: "Profiles",
            dependencies: [
                "CoAP", "CompactMatrix", "DeviceClient", "GatewayCore", "LinkModel", "Links",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .target(
            name: "LinkRelay",
            dependencies: [
                "LinkModel",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Simulator/LinkRelay",
            swiftSettings: strict),
        .target(
            name: "Simulation",
            dependencies: [
                "CoAP", "CompactMatrix", "DeviceClient", "GatewayCore", "LinkModel", "Links", "MatrixJSON",
                "NoiseSodium", "SecureDatagram",
            ],
            path: "Simulator/Simulation", swiftSettings: strict),
        .target(
            name: "SimulationReports", dependencies: ["LinkModel", "Links", "Simulation"], path: "Simulator/Reports",
            swiftSettings: strict),
        .target(
            name: "ScenarioReading", dependencies: ["CompactMatrix", "LinkModel", "Profiles", "Simulation"],
            path: "Simulator/ScenarioReading", swiftSettings: strict),
        .executableTarget(
            name: "sotto",
            dependencies: [
                "CClock", "CQREncode", "CoAP", "CompactMatrix", "DeviceClient", "ExchangeMeasure", "GatewayCore",
                "GatewayStore", "Homeserver", "LinkModel", "LinkRelay", "Links", "MatrixJSON", "NoiseSodium",
                "Profiles",
                "ScenarioReading", "SecureDatagram", "Simulation", "SimulationReports",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["Links"], path: "Tests/Support", swiftSettings: strict),
        .target(name: "FuzzSupport", path: "Tests/Fuzz/Support", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "FuzzSupport", "CoAP", "CompactMatrix", "ConformanceSite", "MatrixJSON", "Noise", "NoiseSodium",
                "SecureDatagram",
                "TestSupport",
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: strict),
        tests("CBOR", ["CBOR", "TestSupport"]),
        tests("CoAP", ["CoAP", "ConformanceSite", "Links", "TestSupport"]),
        tests("CompactMatrix", ["CBOR", "CoAP", "CompactMatrix", "TestSupport"]),
        tests(
            "GatewayStore",
            ["GatewayCore", "GatewayStore", "NoiseSodium", .product(name: "GRDB", package: "GRDB.swift")]),
        tests(
            "ExchangeMeasure", ["CompactMatrix", "ExchangeMeasure", "MatrixJSON", "TestSupport"],
            exclude: ["greenhouse-sensor.yaml"]),
        tests("Homeserver", ["Homeserver", "MatrixJSON"]),
        tests("LinkModel", ["LinkModel", "Links", "TestSupport"]),
        tests(
            "Simulation",
            ["CompactMatrix", "LinkModel", "Links", "Profiles", "ScenarioReading", "Simulation", "SimulationReports"],
            resources: [.copy("Golden/Logs")]),
        tests(
            "LinkRelay",
            [
                "LinkModel", "LinkRelay", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("Links", ["Links", "TestSupport"]),
        tests(
            "MatrixJSON", ["CBOR", "CZlib", "CoAP", "CompactMatrix", "MatrixJSON", "TestSupport"],
            resources: [.copy("Fixtures")]),
        tests(
            "Noise", ["Noise", "NoiseSodium", "TestSupport"], exclude: ["make_vectors.py", "noise_peer.py"],
            resources: [.copy("Vectors")]),
        tests("Profiles", ["CompactMatrix", "LinkModel", "Links", "Profiles", "TestSupport"]),
        tests(
            "GatewayCore",
            [
                "CBOR", "CoAP", "CompactMatrix", "DeviceClient", "GatewayCore", "Links", "MatrixJSON", "Noise",
                "NoiseSodium", "SecureDatagram", "TestSupport",
            ]),
        tests(
            "SecureDatagram",
            ["CBOR", "CoAP", "CompactMatrix", "Noise", "NoiseSodium", "SecureDatagram", "TestSupport"]),
    ]
)
