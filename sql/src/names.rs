//! Names the rows of a store share, as numbers of this process.
use record::{Partitions, Symbols};
use returns::Vendor;
use std::sync::{Arc, RwLock};

/// Vendors, vendor accounts and partitions by their process numbers; shared by store, decoders and accumulators. Grows only.
#[derive(Debug, Default)]
pub struct Names {
    pub symbols: Symbols,
    pub partitions: Partitions,
    vendors: RwLock<Vec<Arc<str>>>,
}

impl Names {
    /// The vendor of that name, added if new.
    pub fn vendor(&self, name: &str) -> Vendor {
        let mut vendors = self.vendors.write().unwrap_or_else(|e| e.into_inner());
        let found = vendors.iter().position(|v| &**v == name);
        let index = found.unwrap_or_else(|| {
            vendors.push(name.into());
            vendors.len() - 1
        });
        Vendor(u16::try_from(index).unwrap_or(u16::MAX))
    }

    pub fn vendor_name(&self, vendor: Vendor) -> Option<Arc<str>> {
        self.vendors.read().unwrap_or_else(|e| e.into_inner()).get(vendor.0 as usize).cloned()
    }

    /// All vendor names, by number.
    pub fn vendors(&self) -> Vec<Arc<str>> {
        self.vendors.read().unwrap_or_else(|e| e.into_inner()).clone()
    }
}
