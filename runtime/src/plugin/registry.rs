//! The plugins that an application has, and the kinds that they offer.

use super::call::PluginFactory;
use super::entry;
use super::error::LoadError;
use super::idle;
use super::import::ImportedModule;
use super::origin::Origin;
use super::pins::{self, Question};
use super::pool;
use crate::exec::{Clock, Factories, Factory, MonotonicClock, NoWake, NodeContext, NodeName, sys};
use crate::graph::{KindInfo, Kinds, PinsError, PinsQuestion, PluginManifest};
use crate::resource::Resources;
use crate::telemetry::{ResourceFigures, ResourceGauge};
use graphmill_abi::Module;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

#[cfg(feature = "dylib")]
mod folder;

/// How long loading one plugin may take, unless it is set.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The number that the next plugin of this process gets.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// The plugins of an application. Cloning gives a further handle to the same ones.
///
/// A plugin is added once and never taken away, and its kinds never change: graphs and sessions rely on both.
/// Loading runs on a thread of its own with a deadline, and no lock is held meanwhile.
///
/// ```
/// use graphmill::plugin::Plugins;
///
/// let plugins = Plugins::new();
/// assert!(plugins.plugins().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct Plugins {
    shared: Arc<Shared>,
    load_timeout: Duration,
}

#[derive(Debug, Default)]
struct Shared {
    registered: RwLock<Registered>,
    resources: Resources,
}

#[derive(Debug, Default)]
struct Registered {
    plugins: Vec<Arc<Plugin>>,
    by_kind: BTreeMap<String, Offer>,
}

impl ResourceGauge for Resources {
    fn figures(&self) -> ResourceFigures {
        let now = self.counters();
        ResourceFigures {
            hits: now.hits,
            misses: now.misses,
            loads: now.loads,
            load_failures: now.load_failures,
            evictions: now.evictions,
            entries: now.entries,
            bytes: now.bytes,
        }
    }
}

#[derive(Debug, Clone)]
struct Offer {
    info: Arc<KindInfo>,
    factory: Arc<PluginFactory>,
    plugin: Arc<Plugin>,
}

/// A plugin in this process; it stays to the end.
#[derive(Debug)]
pub struct Plugin {
    origin: Origin,
    manifest: PluginManifest,
    manifest_json: String,
    kinds: Vec<Arc<KindInfo>>,
    factories: Vec<PluginFactory>,
}

impl Plugin {
    pub(super) fn from_imported(origin: Origin, module: ImportedModule) -> Self {
        let file = origin.file().map(ToOwned::to_owned);
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let factory = |class| PluginFactory::new(class, number).of_file(file.clone());
        let factories = module.classes.into_iter().map(factory).collect();
        Self {
            manifest: module.manifest.plugin.clone(),
            kinds: module.manifest.into_kinds(file),
            manifest_json: module.manifest_json,
            factories,
            origin,
        }
    }

    /// Where it came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it says about its own build.
    #[must_use]
    pub fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    /// Its manifest as it gave it, copied when it was loaded.
    #[must_use]
    pub fn manifest_json(&self) -> &str {
        &self.manifest_json
    }

    /// The kinds that it offers, in its own order.
    #[must_use]
    pub fn kinds(&self) -> &[Arc<KindInfo>] {
        &self.kinds
    }

    fn offers(self: &Arc<Self>, resources: &Resources) -> impl Iterator<Item = Offer> {
        // The import made sure that every kind has its class and every class its kind.
        self.kinds.iter().filter_map(|info| {
            let factory = self.factories.iter().find(|factory| factory.kind() == info.id)?;
            let factory = Arc::new(factory.with_resources(resources));
            Some(Offer { info: Arc::clone(info), factory, plugin: Arc::clone(self) })
        })
    }
}

impl Plugins {
    /// No plugins yet.
    #[must_use]
    pub fn new() -> Self {
        sys::demote_by(idle::run_when_idle);
        Self { shared: Arc::default(), load_timeout: LOAD_TIMEOUT }
    }

    /// Another deadline for every plugin that is loaded through this handle and its clones; 10 seconds unless it is set.
    #[must_use]
    pub fn with_load_timeout(self, load_timeout: Duration) -> Self {
        Self { load_timeout, ..self }
    }

    /// Adds a plugin that is linked into the application; the same one twice is the same one, told by its name.
    ///
    /// # Errors
    /// The plugin refuses, breaks the contract of the ABI, or offers a kind that another one has.
    pub fn link(&self, module: Module) -> Result<Arc<Plugin>, LoadError> {
        self.register(entry::link(module, self.load_timeout)?)
    }

    /// Adds a plugin that this process has; the same one twice is the same one.
    fn register(&self, plugin: Arc<Plugin>) -> Result<Arc<Plugin>, LoadError> {
        let mut registered = self.shared.registered.write().unwrap_or_else(PoisonError::into_inner);
        if registered.plugins.iter().any(|known| Arc::ptr_eq(known, &plugin)) {
            return Ok(plugin);
        }
        let offers: Vec<Offer> = plugin.offers(&self.shared.resources).collect();
        for offer in &offers {
            if let Some(first) = registered.by_kind.get(&offer.info.id) {
                return Err(LoadError::KindTaken {
                    kind: offer.info.id.clone(),
                    first: first.plugin.origin.clone(),
                    second: plugin.origin.clone(),
                });
            }
        }
        registered.by_kind.extend(offers.into_iter().map(|offer| (offer.info.id.clone(), offer)));
        registered.plugins.push(Arc::clone(&plugin));
        Ok(plugin)
    }

    /// Every plugin, in the order in which they were added.
    #[must_use]
    pub fn plugins(&self) -> Vec<Arc<Plugin>> {
        self.registered().plugins.clone()
    }

    /// What the instances of these plugins load once.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.shared.resources
    }

    fn registered(&self) -> RwLockReadGuard<'_, Registered> {
        self.shared.registered.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Plugins {
    fn default() -> Self {
        Self::new()
    }
}

impl Kinds for Plugins {
    fn kind(&self, id: &str) -> Option<Arc<KindInfo>> {
        self.registered().by_kind.get(id).map(|offer| Arc::clone(&offer.info))
    }

    fn kinds(&self) -> Vec<Arc<KindInfo>> {
        self.registered().by_kind.values().map(|offer| Arc::clone(&offer.info)).collect()
    }

    fn kind_with(&self, kind: &Arc<KindInfo>, question: &PinsQuestion<'_>) -> Result<Arc<KindInfo>, PinsError> {
        let offer = self.registered().by_kind.get(&kind.id).cloned();
        let Some((function, plugin_file)) = offer.and_then(|offer| offer.factory.pins()) else {
            return Ok(Arc::clone(kind));
        };
        let name = NodeName::new("graph", question.node, kind.id.as_str());
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::new());
        let context = Arc::new(NodeContext::new(name, 0, clock, Arc::new(NoWake)));
        let params = question.params.to_string();
        let text = pins::ask(Question { function, context, plugin_file, params }, question.timeout)?;
        kind.with_pins(&text).map(Arc::new)
    }
}

impl Factories for Plugins {
    fn factory(&self, kind: &str) -> Option<Arc<dyn Factory>> {
        let factory = Arc::clone(&self.registered().by_kind.get(kind)?.factory);
        Some(factory)
    }

    fn resources(&self) -> Option<Arc<dyn ResourceGauge>> {
        Some(Arc::new(self.shared.resources.clone()))
    }

    fn upkeep(&self) -> fn() {
        pool::upkeep
    }
}
