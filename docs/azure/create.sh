#!/usr/bin/env bash
# Creates what a job's state needs in Azure: a storage account that takes no keys and has no public address, a
# container, an identity that may write to it, and a credential for one service account of one AKS cluster.
# May be run again: what is there stays as it is. Explained in ../azure.md.
set -euo pipefail

: "${LOCATION:?the region, as in westeurope}"
: "${RESOURCE_GROUP:?where the account and the identity go}"
: "${ACCOUNT:?name of the storage account, 3 to 24 lower-case letters and digits}"
: "${IDENTITY:?name of the managed identity}"
: "${VNET_ID:?resource id of the virtual network that the cluster is in}"
: "${SUBNET_ID:?resource id of the subnet for the private endpoint}"
: "${CLUSTER:?name of the AKS cluster}"
: "${CLUSTER_RESOURCE_GROUP:?resource group of the AKS cluster}"
: "${NAMESPACE:?namespace of the job}"
: "${SERVICE_ACCOUNT:?service account of the job}"
CONTAINER=${CONTAINER:-state}
ZONE=privatelink.blob.core.windows.net

az group create --name "$RESOURCE_GROUP" --location "$LOCATION" --output none

# No shared keys, so no SAS either; no public address; three zones.
az storage account create --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" --location "$LOCATION" \
  --kind StorageV2 --sku Standard_ZRS --min-tls-version TLS1_2 --allow-shared-key-access false \
  --allow-blob-public-access false --public-network-access Disabled --output none
account_id=$(az storage account show --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" --query id --output tsv)

# Checkpoints are deleted all day: whatever keeps deleted blobs keeps, and bills, all of them.
az storage account blob-service-properties update --account-name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" \
  --enable-delete-retention false --enable-versioning false --output none

# By the management plane, which is reached without the private endpoint.
az storage container-rm create --name "$CONTAINER" --storage-account "$ACCOUNT" --resource-group "$RESOURCE_GROUP" \
  --output none

# The plugin speaks to the blob endpoint alone, also of accounts with a hierarchical namespace.
az network private-endpoint create --name "$ACCOUNT-blob" --resource-group "$RESOURCE_GROUP" --location "$LOCATION" \
  --subnet "$SUBNET_ID" --private-connection-resource-id "$account_id" --group-id blob \
  --connection-name "$ACCOUNT-blob" --output none
az network private-dns zone show --name "$ZONE" --resource-group "$RESOURCE_GROUP" --output none 2>/dev/null ||
  az network private-dns zone create --name "$ZONE" --resource-group "$RESOURCE_GROUP" --output none
az network private-dns link vnet show --name "$CLUSTER" --zone-name "$ZONE" --resource-group "$RESOURCE_GROUP" \
  --output none 2>/dev/null ||
  az network private-dns link vnet create --name "$CLUSTER" --zone-name "$ZONE" --resource-group "$RESOURCE_GROUP" \
    --virtual-network "$VNET_ID" --registration-enabled false --output none
az network private-endpoint dns-zone-group create --name default --endpoint-name "$ACCOUNT-blob" \
  --resource-group "$RESOURCE_GROUP" --private-dns-zone "$ZONE" --zone-name blob --output none

# The least that will do: this container's blobs, and nothing of the account.
az identity create --name "$IDENTITY" --resource-group "$RESOURCE_GROUP" --location "$LOCATION" --output none
principal=$(az identity show --name "$IDENTITY" --resource-group "$RESOURCE_GROUP" --query principalId --output tsv)
az role assignment create --role "Storage Blob Data Contributor" --assignee-object-id "$principal" \
  --assignee-principal-type ServicePrincipal \
  --scope "$account_id/blobServices/default/containers/$CONTAINER" --output none

# One for each cluster, namespace and service account; an identity takes twenty.
az aks update --name "$CLUSTER" --resource-group "$CLUSTER_RESOURCE_GROUP" --enable-oidc-issuer \
  --enable-workload-identity --output none
issuer=$(az aks show --name "$CLUSTER" --resource-group "$CLUSTER_RESOURCE_GROUP" \
  --query oidcIssuerProfile.issuerUrl --output tsv)
az identity federated-credential create --name "$CLUSTER-$NAMESPACE-$SERVICE_ACCOUNT" \
  --identity-name "$IDENTITY" --resource-group "$RESOURCE_GROUP" --issuer "$issuer" \
  --subject "system:serviceaccount:$NAMESPACE:$SERVICE_ACCOUNT" --audiences api://AzureADTokenExchange --output none

client=$(az identity show --name "$IDENTITY" --resource-group "$RESOURCE_GROUP" --query clientId --output tsv)
cat <<END
apiVersion: v1
kind: ServiceAccount
metadata:
  name: $SERVICE_ACCOUNT
  namespace: $NAMESPACE
  annotations:
    azure.workload.identity/client-id: $client
# execution.checkpointing.dir: abfss://$CONTAINER@$ACCOUNT.dfs.core.windows.net/checkpoints
END
