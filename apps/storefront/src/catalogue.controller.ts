import { type Cached, CacheStatusInterceptor } from '@app/cache';
import { Controller, Get, Param, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { CatalogueService } from './catalogue.service.js';
import { type Product, type ProductList, productListSchema, productSchema, skuSchema } from './storefront.schemas.js';

@Controller('products')
@UseInterceptors(CacheStatusInterceptor)
export class CatalogueController {
  constructor(private readonly catalogue: CatalogueService) {}

  @Get()
  @ApiOkResponse({ standardSchema: productListSchema })
  list(): Promise<Cached<ProductList>> {
    return this.catalogue.list();
  }

  @Get(':sku')
  @ApiOkResponse({ standardSchema: productSchema })
  find(@Param('sku', { schema: skuSchema }) sku: string): Promise<Cached<Product>> {
    return this.catalogue.find(sku);
  }
}
